"""Tables: what a reader sees, and that programs get every number."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from harness.results.document import DocumentError
from harness.results.leaderboard import UNFINISHED, Leaderboard
from harness.results.terms import BUDGET
from harness.views.column import Column
from harness.views.formats import FORMATS
from harness.views.page import markdown_table
from harness.views.publishing import render_files
from harness.views.site.boards import leaderboard_entry
from harness.views.tables import render

GOLDEN = """
tiny: 4 combinations, ranked by kl (smaller is better)

ring:
  3 combinations ranked by kl, 1 failed, 1 above a bound (marked !)
  same in every row: schedule edm · network mlp · initial law centered · sigma_max 20 · 20 steps · 500 train steps
  a perfect generator (held-out sample): kl 0.0080 ± 0.0010
  order by bound against order by kl, Kendall τ: budget 1.00, n=2

   rank  weighting  grid              sampler    NFE               kl  budget  bound/kl  !
-------  ---------  ----------------  ---------  ---  ---------------  ------  --------  -
1 (1–2)  edm        exponential       heun        39  0.0100 ± 0.0020     n/a       n/a
2 (1–2)  edm        polynomial:rho=3  ancestral   20  0.0123 ± 0.0010   0.500      40.7
      3  eps        polynomial:rho=7  ancestral   20    1.500 ± 0.050    1.25     0.833  !

within the floor of a perfect generator by kl (no higher than its interval, none told to be better): 0 of 3 combinations

best 2 with an exact budget of the path divergence, in nats:

   rank  weighting  grid              sampler                 kl  initialization  score  discretization  variance  total
-------  ---------  ----------------  ---------  ---------------  --------------  -----  --------------  --------  -----
2 (1–2)  edm        polynomial:rho=3  ancestral  0.0123 ± 0.0010           0.250  0.500               0    -0.250  0.500
      3  eps        polynomial:rho=7  ancestral    1.500 ± 0.050           0.250   1.25               0    -0.250   1.25

failed (1):
  eps · exponential · heun: NaN | after step 3 of seed 1

Effects. Factor on kl against the mean over the axis' choices, all else equal; below 1 is better

axis       choice              ring
---------  ------  ----------------
weighting  edm                 0.80
           eps     1.25 (1.10–1.40)
"""

START = Path(__file__).parents[2] / "leaderboards" / "start" / "leaderboard.json"


def test_golden_table(small):
    assert render(Leaderboard.validate(small), "table") == GOLDEN.lstrip("\n")


AVERAGES = {
    None: "",
    1: "The suite varies one axis at a time: all else is the first of each list, one setting, and of interactions "
    "nothing is known",
    2: "effects are means over the first of each list and what departs from these on 1 axis at most, each once, so "
    "that axes with long lists weigh most; interactions are known with the first choices alone",
    3: "effects are means over the first of each list and what departs from these on 2 axes at most, each once, so "
    "that axes with long lists weigh most; interactions are known with what departs from them on 1 axis at most",
}
"""What is said of effects, by how many axes a suite varies at most."""


@pytest.mark.parametrize(("most", "said"), AVERAGES.items())
def test_a_board_that_varies_few_axes_says_what_it_holds_and_what_its_averages_are_over(small, most, said):
    """On the terminal, in Markdown and on the site."""
    small["definition"] = {"targets": ["ring"], "vary_at_most": most}
    board = Leaderboard.validate(small)
    held = f"these differ from the first of each list on {most} {'axis' if most == 1 else 'axes'} at most"
    entry = leaderboard_entry(board)
    site = " ".join(map(str, entry.sheet.parts))
    page = render_files(board, "x")["README.md"].decode()
    # A terminal, and a file of Markdown, break lines.
    shown = [" ".join(text.split()) for text in (render(board, "table"), render(board, "markdown"), page, site)]
    assert all(said in text for text in shown)
    assert [held in text for text in (*shown[:3], entry.facts["holds"])] == 4 * [most is not None]
    assert ["The suite varies" in text for text in shown] == 4 * [most is not None]


@pytest.mark.parametrize("strange", ["2", True, [2], {"a": 1}, 2.5])
def test_what_is_no_number_of_axes_says_nothing(small, strange):
    board = Leaderboard.validate(small | {"definition": {"vary_at_most": strange}})
    assert board.vary_at_most is None
    assert render(board, "table") == GOLDEN.lstrip("\n")


def rows_under_rank(text):
    """Return each ranking table's lines from its head on, up to the first empty line; budgets are another table."""
    text = re.sub(r"\nbest \d+ with an exact budget.*?\n\n.*?(?=\n\n|\Z)", "", text, flags=re.DOTALL)
    return [block.split("\n\n")[0].split("\n") for block in re.split(r"\n(?= *rank )", text)[1:]]


@pytest.mark.parametrize("metric", ["sliced-wasserstein", "kl"])
@pytest.mark.parametrize("width", [160, 120, 100, 80, 60])
def test_no_line_is_wider_than_the_terminal(make, metric, width):
    text = render(Leaderboard.validate(make(metric)), "table", width=width)
    longest = max(text.split("\n"), key=len)
    assert len(longest) <= width, longest


@pytest.mark.parametrize("width", [None, 160, 120, 100, 80])
def test_every_shown_row_can_be_told_apart_at_every_width(make, width):
    text = render(Leaderboard.validate(make()), "table", width=width, top=0)
    for lines in rows_under_rank(text):
        assert "rank" in lines[0]
        # A folded row goes on over lines whose rank is blank. Figures may agree: only the names are compared.
        start = lines[1].index("  ") + 2
        end = lines[0].index("sliced-wasserstein") - 2 if "combination" not in lines[0] else None
        end = end or lines[1].index("  ", start)
        names, current = [], ""
        for line in lines[2:]:
            if line[:start].strip() and current:
                names.append(current)
                current = ""
            current += " " + line[start:end].strip()
        names.append(current)
        ranked = [name for name in names if "more" not in name]
        assert len(ranked) == 178
        assert len(set(ranked)) == len(ranked)


def test_measured_value_bound_and_rank_survive_80_columns(make):
    head = rows_under_rank(render(Leaderboard.validate(make("kl")), "table", width=80))[0][0]
    assert head.split() == ["rank", "combination", "kl", "budget", "bound/kl", "!"]


@pytest.mark.parametrize("width", [60, 70, 80, 90, 100, 120])
def test_no_term_of_a_budget_is_lost_in_silence(make, width):
    """The total stays; another term stands in the table, by its symbol where words find no room, or in a line."""
    text = render(Leaderboard.validate(make()), "table", width=width)
    assert max(map(len, text.split("\n"))) <= width
    for part in text.split("best 5 with an exact budget")[1:]:
        part = part.partition("\n\n\n")[0]
        head = next(line for line in part.split("\n") if line.lstrip().startswith("rank")).split()
        assert "total" in head
        lost = " ".join(part.split()).partition("columns for: ")[2].partition(" (--format")[0].split(", ")
        for term in BUDGET:
            assert term.field in head or term.symbol in head or term.symbol in lost


def test_rows_without_the_ranking_metric_are_not_counted_as_ranked(make):
    """`kl` was measured on the ring alone, and not on each of its rows."""
    document = make("kl")
    ring = [row for row in document["rows"] if row["target"]["name"] == "ring" and row["status"] == "ok"]
    for row in ring[-3:]:
        del row["metrics"]["kl"]
        row["violations"] = []
    count = len(ring) - 3
    text = render(Leaderboard.validate(document), "table", top=0)
    assert f"{count} combinations ranked by kl, 3 not ranked, without it" in text
    assert sum(line.startswith("n/a ") or line.lstrip().startswith("n/a ") for line in text.split("\n")) >= 3


@pytest.mark.parametrize("width", [None, 80])
def test_a_target_of_which_the_metric_tells_nothing_has_no_table_of_gaps(make, width):
    """`kl` was measured on the ring alone: 178 rows of n/a say nothing."""
    board = Leaderboard.validate(make("kl"))
    text = render(board, "table", width=width)
    (told,) = (part for part in text.split("\n\n") if "no combination has kl" in part)
    said = " ".join(told.split())
    assert (
        said
        == "no combination has kl; rank by another (--by): energy, sliced-wasserstein; --top 0 shows them in no order"
    )
    assert not [line for line in text.split("\n") if line.lstrip().startswith("n/a ")]
    whole = render(board, "table", top=0)
    assert "no combination has kl" not in whole
    assert sum(line.lstrip().startswith("n/a ") for line in whole.split("\n")) == 178 + 5  # and five budgets


def test_top_rows_are_shown_and_the_rest_counted(document):
    text = render(Leaderboard.validate(document), "table")
    assert text.count("… 158 more; --top 0 shows all") == 2
    assert [len(lines) - 3 for lines in rows_under_rank(text)] == [20, 20]
    text = render(Leaderboard.validate(document), "table", top=5)
    assert text.count("… 173 more; --top 0 shows all") == 2
    assert "more" not in render(Leaderboard.validate(document), "table", top=0)


def test_rows_come_by_rank_whatever_their_order_in_the_document(document):
    expected = render(Leaderboard.validate(document), "table")
    document["rows"].sort(key=lambda row: json.dumps(row["sampler"]))
    first = document["rows"][0]["target"]["name"]
    text = render(Leaderboard.validate(document), "table")
    assert rows_under_rank(text)[0 if first == "ring" else 1] == rows_under_rank(expected)[0]


def test_csv_holds_every_number_of_the_document_exactly(document):
    table = list(csv.DictReader(io.StringIO(render(Leaderboard.validate(document), "csv"))))
    assert len(table) == len(document["rows"])
    originals = {key(row): row for row in document["rows"]}
    for line in table:
        row = originals[(*(line[f"{axis}.digest"] for axis in COMPONENTS), int(line["train_steps"]))]
        for field in ("rank", "rank_low", "rank_high", "steps", "nfe", "train_steps"):
            assert int(line[field]) == row[field]
        assert (line["status"], line["reason"]) == (row["status"], row["reason"] or "")
        for axis in COMPONENTS:
            assert json.loads(line[f"{axis}.params"]) == row[axis]["params"]
        flat = {f"metrics.{m}.{k}": v for m, entry in row["metrics"].items() for k, v in entry.items()}
        for group in ("budget", "bounds", "seconds"):
            flat |= {f"{group}.{name}": value for name, value in (row[group] or {}).items()}
        for name, value in flat.items():
            assert line[name] == "" if value is None else float(line[name]) == value
        others = {name for name in line if name.split(".")[0] in ("metrics", "budget", "bounds", "seconds")}
        assert all(line[name] == "" for name in others - set(flat))
        assert json.loads(line["violations"]) == row["violations"]


def test_flat_rows_have_all_fields_but_pictures(document):
    image = "QUJDRA=="
    document["setup"]["targets"][1]["pictures"] = {
        "shape": [1, 2, 2], "low": 0.0, "high": 1.0, "classes": [], "images": [image, None]
    }  # fmt: skip
    row = next(row for row in document["rows"] if row["target"]["name"] == "digits")
    plain = render(Leaderboard.validate(document), "csv")
    row["pictures"] = {"conditional": False, "images": [image, None]}
    board = Leaderboard.validate(document)
    assert image in render(board, "json")
    assert render(board, "csv") == plain
    flat = {name.split(".")[0] for name in plain.splitlines()[0].split(",")}
    assert {name for name, value in row.items() if value != {}} - flat == {"pictures", *board.untold_numbers}


COMPONENTS = ("target", "weighting", "noise_schedule", "time_discretization", "network", "sampler")


def key(row):
    return (*(row[axis]["digest"] for axis in COMPONENTS), row["train_steps"])


def test_json_is_the_document(document):
    assert json.loads(render(Leaderboard.validate(document), "json")) == document
    with pytest.raises(DocumentError, match="json is always the whole document"):
        render(Leaderboard.validate(document), "json", top=5)


def cells(line):
    """Split a Markdown table line at its unescaped bars."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_every_markdown_table_has_one_width(document):
    document["rows"][-1]["reason"] = "a|b \\| `c` <script>\x1b[31m"
    blocks = [b for b in render(Leaderboard.validate(document), "markdown").strip().split("\n\n") if b.startswith("|")]
    assert len(blocks) == 5  # two rankings, two of failures, one of effects
    for block in blocks:
        lines = block.split("\n")
        assert {len(cells(line)) for line in lines} == {len(cells(lines[0]))}
        assert all(re.fullmatch(r":?-+:?", cell) for cell in cells(lines[1]))


def test_markdown_cells_are_escaped():
    table = markdown_table([Column("a|b", ("x\ny", "<b>*_`|"), naming=True)])
    head, _, *body = (cells(line) for line in table.split("\n"))
    assert head == ["a\\|b"]
    assert body == [["x y"], ["\\<b>\\*_\\`\\|"]]


def test_control_characters_of_a_plugin_never_reach_the_terminal(small):
    small["rows"][3]["reason"] = "bad \x1b[2J\x07 thing"
    for format in ("table", "markdown"):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", render(Leaderboard.validate(small), format))


def test_a_metric_that_is_no_divergence_has_no_ratio(make):
    for row in (document := make())["rows"]:
        row["metrics"].pop("kl", None)
        row["violations"] = []
    assert "bound/" not in render(Leaderboard.validate(document), "table")


def test_ratio_is_the_tightest_bound_over_the_measured_divergence(small):
    small["rows"][1]["bounds"]["theorem-2"] = 0.246
    assert re.search(r"0\.500 +0\.246 +20\.0\n", render(Leaderboard.validate(small), "table"))


def test_the_marginal_divergence_is_preferred_to_the_path(make):
    for row in (document := make())["rows"]:
        if row["budget"]:
            path = {"value": row["budget"]["total"], "low": None, "high": None, "n_seeds": 3}
            row["metrics"] = {"path-kl": path, **row["metrics"]}
    assert "bound/kl" in render(Leaderboard.validate(document), "table")
    assert "bound/path-kl" not in render(Leaderboard.validate(document), "table", top=1).split("digits:")[0]


def test_a_section_without_finished_rows_or_with_one_row(small):
    small["rows"] = small["rows"][3:]
    small["rows"][0].update(rank=1, rank_low=1, rank_high=1)
    text = render(Leaderboard.validate(small), "table", width=80)
    assert "0 combinations ranked by kl, 1 failed" in text
    assert "\n\n\n" not in text  # no table, so no room for one
    assert "failed (1):\n  eps · edm · exponential · mlp · heun" in text
    for format in FORMATS:
        assert render(Leaderboard.validate(small), format)


def test_what_all_rows_share_is_told_with_what_differs_from_its_defaults(document):
    changed = {}
    for row in document["rows"]:
        row["network"]["params"] |= {"width": 128, "precondition": "vp:beta_min=0.2"}
        changed[row["network"]["digest"]] = ["precondition"]
    document["setup"]["changed"] = changed
    board = Leaderboard.validate(document)
    for format in ("table", "markdown"):
        assert 'network mlp:precondition="vp:beta_min=0.2"' in render(board, format)
    document["setup"]["changed"] = {}
    assert "network mlp " in render(Leaderboard.validate(document), "table")


def test_nothing_is_said_of_the_order_or_floor_of_no_rows(small):
    small["rows"] = small["rows"][3:]
    small["rows"][0].update(rank=1, rank_low=1, rank_high=1)
    small["agreement"][0].update(n=0, clusters=0, kendall_tau=None)
    small["agreement"].append(small["agreement"][0] | {"sampler": "heun"})
    board = Leaderboard.validate(small)
    for format in ("table", "markdown"):
        text = render(board, format)
        assert "Kendall" not in text
        assert "sampler:" not in text
        assert "within the floor" not in text


def test_an_empty_leaderboard_is_no_error(small):
    small.update(rows=[], rankings=[], agreement=[], effects=[], calibration=[])
    assert render(Leaderboard.validate(small), "table") == "tiny: 0 combinations, ranked by kl (smaller is better)\n"
    for format in FORMATS:
        assert render(Leaderboard.validate(small), format)


def test_a_target_is_known_by_another_label_of_it(small):
    small["agreement"][0]["target"] = "ring:modes=8"
    assert "budget 1.00, n=2" in render(Leaderboard.validate(small), "table")


def test_bad_requests_are_refused(small):
    with pytest.raises(DocumentError, match="no format 'html'; known: table, json, csv, markdown"):
        render(Leaderboard.validate(small), "html")
    with pytest.raises(DocumentError, match="top=-1 is negative"):
        render(Leaderboard.validate(small), "table", top=-1)


def test_models_render_as_plain_data_does(document):
    for format in FORMATS:
        assert render(Leaderboard.validate(document), format) == render(Leaderboard.validate(document), format)


def test_rows_that_are_not_computed_yet_are_no_failures(small):
    small["rows"][3]["reason"] = UNFINISHED
    text = render(Leaderboard.validate(small), "table", width=80)
    assert "3 combinations ranked by kl, 1 not computed yet" in text
    assert "1 combination not computed yet: run the same command again" in text
    assert "failed" not in text
    assert "1 combination not computed yet" in render(Leaderboard.validate(small), "markdown")


def test_of_data_the_two_laws_are_told_apart(document):
    text = " ".join(render(Leaderboard.validate(document), "table").split())
    assert "own law" not in text
    document["setup"]["targets"][0] |= {"finite": True, "train": 90, "held_out": 30, "tested": 30}
    text = " ".join(render(Leaderboard.validate(document), "table").split())
    own = [name for name, each in document["declared"]["bounds"].items() if "path-kl" in each["limits"]]
    assert own
    (told,) = re.findall(r"(\S+(?:, \S+)*(?: and \S+)?) (?:is|are) of the training points' own law", text)
    assert set(re.split(r", | and ", told)) >= set(own)
    assert re.search(r"copies; (\S+, )*sliced-wasserstein\S* .*?of the law behind them, by held-out points", text)


def test_oracles_of_data_are_named():
    """Of the three targets of `start` one is data: oracles know its training points, and the laws of the others."""
    text = " ".join(render(Leaderboard.validate(json.loads(START.read_text())), "table").split())
    told = "not trained: exact, which is given the training points' own law and draws these points again"
    assert text.count(told) == 1
    assert text.index("digits:") < text.index(told) < text.index("gaussian:")


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_one_split_is_said_to_tell_nothing_of_other_rows(document, form):
    """Where all seeds have it, and the metric that ranks compares with what is held out."""
    told = "held-out rows: what other rows would say is not in the intervals of differences"

    def text(**changes):
        found = json.loads(json.dumps(document))
        found["setup"]["targets"][0] |= {"finite": True, "train": 90, "held_out": 30, "tested": 30} | changes
        return " ".join(render(Leaderboard.validate(found), form).split())

    ranking = next(each for each in document["rankings"] if each["target"] == document["setup"]["targets"][0]["target"])
    floor = {"target": ranking["target"], "metric": ranking["metric"], "value": 0.1, "low": 0.05, "high": 0.15}
    document["calibration"] = [floor | {"metric": "energy"}]
    assert told not in text()  # a metric that no held-out sample calibrates
    document["calibration"] = [floor]
    assert text().count(told) == 1
    assert f"ranks and effects by {ranking['metric']} are of these 30 {told}" in text()
    assert told not in text(splits=5, tested=150)
    samples = document["setup"]["samples"]
    assert told in text(held_out=4 * samples - 1, tested=4 * samples - 1)
    assert told not in text(held_out=4 * samples, tested=4 * samples)  # each seed meets others of them
    assert told not in text(finite=False, train=None, held_out=None, tested=None)
    ranking["over_points"] = None
    assert told in text()  # in documents up to version 9 it is not known
    ranking["over_points"] = [ranking["metric"]]
    assert told not in text()


def test_over_how_many_clusters_and_grids_an_interval_of_tau_is(small):
    def told(**counts):
        small["agreement"][0] |= {"n": 12} | counts
        return re.search(r"n=12(.*)\n", render(Leaderboard.validate(small), "table"))[1]

    assert told(clusters=4, grids=3) == " in 4 clusters and 3 grids"
    assert told(clusters=12, grids=6) == " in 6 grids"
    assert told(clusters=4, grids=1) == told(clusters=4, grids=None) == " in 4 clusters"
    assert told(clusters=12, grids=12) == told(clusters=None, grids=None) == ""


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_how_many_points_a_seed_has_and_all_seeds_have_is_told(document, form):
    target = document["setup"]["targets"][0]
    target |= {"finite": True, "train": 90, "held_out": 30, "tested": 30}
    text = " ".join(render(Leaderboard.validate(document), form).split())
    assert "90 points to train on, 30 held out: no metric sees more data than these" in text
    target |= {"splits": 5, "tested": 150}
    text = " ".join(render(Leaderboard.validate(document), form).split())
    assert "90 points to train on, 30 held out for each seed, which has a split of its own" in text
    assert "5 splits hold out 150 points in all; numbers and notes of the target are of the first seed's" in text
    target |= {"splits": 2, "tested": None}
    text = " ".join(render(Leaderboard.validate(document), form).split())
    assert "2 splits; numbers and notes of the target are of the first seed's" in text


def test_a_mean_over_less_than_half_of_the_settings_says_over_how_many(small):
    """One choice that fails where others do not leaves few settings in which all can be compared."""
    told = "Means over the settings where every choice has a value, of less than half of all for ring, grid: 2 of 9"
    axis = "time_discretization"
    effects = [effect | {"axis": axis, "contexts": 2, "skipped": 7} for effect in small["effects"][:1]]
    others = small["effects"][1:]
    few = Leaderboard.validate(small | {"effects": effects + others})
    for text in (render(few, "table"), render(few, "markdown")):
        assert told in " ".join(text.split())
    assert "every choice has a value" not in render(Leaderboard.validate(small), "markdown")
