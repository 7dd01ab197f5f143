"""The published directory: complete, reproducible, and never half written."""

import errno
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from harness.results.bounds_ranking import rank_bounds
from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard
from harness.views import plots, publishing
from harness.views.board_pages import leaderboard_page
from harness.views.board_plots import BoardPlots
from harness.views.page import markdown
from harness.views.publishing import publish, publish_bounds
from harness.views.tables import render

COMMAND = "harness run quick --out results/quick\nharness publish results/quick leaderboards/quick"

matplotlib = pytest.importorskip("matplotlib", reason="plots need the extra `publish`")


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def page_of(document):
    """The page of a leaderboard, without its plots."""
    return markdown(leaderboard_page(Leaderboard.validate(document), COMMAND, BoardPlots()))


def points(axes, names):
    """Return the (x, y) of every point drawn for a sampler; guides and marks have labels of their own."""
    lines = [line for line in axes.get_lines() if line.get_label() in names]
    return [(float(x), float(y)) for line in lines for x, y in zip(*line.get_data(), strict=True)]


def test_everything_is_written_and_the_page_links_it(tmp_path, document):
    files = publish(Leaderboard.validate(document), tmp_path / "boards" / "quick", COMMAND)
    names = {path.name for path in files}
    assert names == {path.name for path in (tmp_path / "boards" / "quick").iterdir()}
    assert names == {"leaderboard.json", "README.md", "budgets.svg", "compute.svg", "effects.svg", "tightness.svg",
                     "sliced-wasserstein-against-budget.svg", "sliced-wasserstein-against-theorem-2.svg",
                     "kl-against-budget.svg", "kl-against-theorem-2.svg"}  # fmt: skip
    page = (tmp_path / "boards" / "quick" / "README.md").read_text()
    assert set(re.findall(r"\]\(([^)]+)\)", page)) == names - {"README.md"}
    assert page.startswith(f"# Leaderboard `quick`\n\n```sh\n{COMMAND}\n```\n")
    told = document | {"command": COMMAND}
    assert Leaderboard.read(tmp_path / "boards" / "quick" / "leaderboard.json") == Leaderboard.validate(told)
    for name in names:
        if name.endswith(".svg"):
            ElementTree.parse(tmp_path / "boards" / "quick" / name)
    assert [path.name for path in (tmp_path / "boards").iterdir()] == ["quick"]


def test_page_says_what_a_reader_must_know(document):
    page = page_of(document)
    assert "360 combinations on 2 targets (ring, digits)" in page
    assert "4 failed; 1 measured above a bound" in page
    assert "held-out sample): sliced-wasserstein 0.0210 ± 0.0021" in page
    assert "Kendall τ: budget 0.61 (0.51–0.69), n=106" in page
    assert page.count("158 more in [leaderboard.json]") == 2
    assert page.count("NaN in the samples \\| sigma=0.02, seed 1") == 4
    assert "- torch: 2.13.0" in page


def test_page_says_how_it_was_made(document, small):
    page = page_of(document)
    section = page.partition("## How this was made\n")[2].partition("\n## ")[0]
    assert "- seeds: 0, 1, 2\n- noise levels: 0.05 to 20, in units of the data\n" in section
    assert "- training: adam, learning rate 0.002, batch size 256, ema decay 0.99\n" in section
    assert "- samples: 2000 of each combination and seed\n" in section
    assert "energy (data units^½), kl (nats)" in section
    assert [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][1:] == [
        "ring", "digits"]  # fmt: skip
    # Older documents do not tell.
    assert "How this was made" not in page_of(small)


def test_page_says_of_how_few_held_out_points_samples_are_compared(document):
    document["setup"]["targets"][1] |= {"finite": True, "train": 1079, "held_out": 359, "tested": 359}
    page = page_of(document)
    told = "samples: 2000 of each combination and seed; on digits 359, for only so many points are held out\n"
    assert told in page


def test_publishing_twice_gives_the_same_bytes(tmp_path, small):
    publish(Leaderboard.validate(small), tmp_path / "a", COMMAND)
    publish(Leaderboard.validate(json.loads(Leaderboard.validate(small).to_json())), tmp_path / "b", COMMAND)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_figure_saved_twice_is_the_same(document):
    figure = plots.budgets(Leaderboard.validate(document))
    assert plots.svg(figure) == plots.svg(figure)


@pytest.mark.usefixtures("drawn_once")
def test_publishing_again_replaces_our_files_and_keeps_others(tmp_path, small):
    for row in small["rows"]:
        row["bounds"]["theorem-2"] = row["bounds"]["budget"]
    publish(Leaderboard.validate(small), tmp_path, COMMAND)
    assert {"kl-against-budget.svg", "kl-against-theorem-2.svg"} <= {path.name for path in tmp_path.iterdir()}
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "drawing.svg").write_text("mine")
    for row in small["rows"]:
        del row["bounds"]["theorem-2"]
    publish(Leaderboard.validate(small), tmp_path, COMMAND)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"notes.txt", "drawing.svg", "kl-against-budget.svg"} <= names
    assert not any("theorem-2" in name for name in names)
    assert not any(name.startswith(".") for name in names)
    assert Leaderboard.read(tmp_path / "leaderboard.json") == Leaderboard.validate(small | {"command": COMMAND})


@pytest.mark.parametrize(("bound", "metric"), [("budget", "sliced-wasserstein"), ("theorem-2", "kl")])
def test_one_point_for_each_combination_with_both_values(document, bound, metric):
    board = Leaderboard.validate(document)
    figure = plots.error_against_bound(board, bound, metric)
    names = {row.sampler.name for row in board.rows}
    for axes in figure.axes:
        expected = sorted(
            (row.bounds[bound], row.metrics[metric].value)
            for row in board.rows
            if row.target.name == axes.get_title("left")
            and row.ok and row.bounds[bound] is not None and metric in row.metrics
        )  # fmt: skip
        assert sorted(points(axes, names)) == expected
        ranked = sum(row.ok and row.target.name == axes.get_title("left") for row in board.rows)
        (note,) = [text.get_text() for text in axes.texts]
        left_out = f"{ranked - len(expected)} without both values, 2 failed"
        assert note == f"{len(expected)} combinations; not shown: {left_out}"
    assert [axes.get_title("left") for axes in figure.axes] == (["ring"] if metric == "kl" else ["ring", "digits"])


def test_values_that_are_not_positive_stay_on_the_plot_hollow(small):
    small["rows"][1]["metrics"]["kl"] = {"value": -0.001, "low": -0.002, "high": 0.001, "n_seeds": 3}
    small["rows"][0]["rank"], small["rows"][1]["rank"] = 2, 1
    figure = plots.error_against_bound(Leaderboard.validate(small), "budget", "kl")
    (axes,) = figure.axes
    assert sorted(points(axes, {"ancestral"})) == [(0.5, 0.75), (1.25, 1.5)]
    hollow = [line for line in axes.get_lines() if line.get_markerfacecolor() == "none"]
    assert [line.get_data()[1][0] for line in hollow if line.get_label() == "ancestral"] == [0.75]


def test_the_line_of_equality_is_drawn_only_where_both_are_divergences(document):
    board = Leaderboard.validate(document)
    labelled = {
        metric: plots.error_against_bound(board, "budget", metric).axes[0].get_legend_handles_labels()[1]
        for metric in ("kl", "energy")
    }
    assert "measured = bound" in labelled["kl"]
    assert "measured = bound" not in labelled["energy"]
    assert "above the bound" in labelled["kl"]


def test_bars_end_where_the_budget_does(document):
    board = Leaderboard.validate(document)
    figure = plots.budgets(board, best=7)
    for axes, target in zip(figure.axes[::2], ("ring", "digits"), strict=True):
        rows = sorted((row for row in board.rows if row.target.name == target), key=lambda row: row.rank)
        best = [row.budget for row in rows if row.ok and row.budget][:7]
        for i, budget in enumerate(best):
            bars = [container[i] for container in axes.containers]
            terms = [budget.initialization, budget.score, budget.discretization + budget.variance]
            assert [bar.get_width() for bar in bars] == pytest.approx(terms)
            right = max(bar.get_x() + max(bar.get_width(), 0) for bar in bars)
            left = min(bar.get_x() + min(bar.get_width(), 0) for bar in bars)
            assert right + left == pytest.approx(budget.total)
        (totals,) = [line for line in axes.get_lines() if line.get_label() == "total"]
        assert list(totals.get_xdata()) == pytest.approx([budget.total for budget in best])


def test_bars_of_a_split_end_where_the_largest_level_puts_the_score_error(document):
    board = Leaderboard.validate(document)
    figure = plots.budgets(board, best=7)
    for axes, target in zip(figure.axes[1::2], ("ring", "digits"), strict=True):
        rows = sorted((row for row in board.rows if row.target.name == target), key=lambda row: row.rank)
        splits = [row.score_split for row in rows if row.ok and row.budget][:7]
        for i, split in enumerate(splits):
            bars = [container[i] for container in axes.containers]
            terms = [split.training, split.statistical, split.estimation, split.approximation]
            assert [bar.get_width() for bar in bars] == pytest.approx([term.value for term in terms])
            assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(split.score_max.value)
        exact = [line.get_xdata()[0] for line in axes.get_lines() if line.get_label().startswith("E_S,")]
        assert exact == pytest.approx([split.score_exact.value for split in splits])
        spans = [tuple(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()) == 2]
        assert all((s.score_max.low, s.score_max.high) in spans for s in splits)


def test_a_negative_term_goes_to_the_left_and_rows_without_training_say_so(document):
    rows = [row for row in document["rows"] if row["score_split"] and row["target"]["name"] == "ring"]
    first, second = rows[0], rows[1]
    split = first["score_split"]
    split["objective"] = "fixed"
    move = 0.25 * split["score_max"]["value"]
    for name, by in (("statistical", -move), ("approximation", move)):
        split[name] = {key: value + by for key, value in split[name].items()}
    second |= {"score_split": None, "train_steps": 0, "trained": None, "ema_decay": None}
    axes = plots.budgets(Leaderboard.validate(document), best=2).axes[1]
    left = {container.get_label(): container[0].get_x() for container in axes.containers}
    width = {container.get_label(): container[0].get_width() for container in axes.containers}
    assert (left["ε_n"], width["ε_n"]) == pytest.approx((0.0, -move))
    assert axes.get_xlim()[0] < -move
    assert [text.get_text() for text in axes.texts if text.xy[1] == 1] == ["nothing is trained"]


def test_a_bar_far_longer_than_the_others_is_cut_and_its_number_told(document):
    rows = [row for row in document["rows"] if row["budget"] and row["target"]["name"] == "ring"]
    rows[1]["budget"]["discretization"] += 100.0
    rows[1]["budget"]["total"] += 100.0
    axes = plots.budgets(Leaderboard.validate(document), best=7).axes[0]
    assert axes.get_xlim()[1] < 10
    told = [text.get_text() for text in axes.texts if text.xy[1] == 1]
    assert told[0].startswith("→ 10")


def test_forest_shows_every_effect_with_its_interval(document):
    board = Leaderboard.validate(document)
    figure = plots.effects(board)
    for axes in figure.axes:
        found = [effect for effect in board.effects if effect.target == axes.get_title("left")]
        dots = [line for line in axes.get_lines() if len(line.get_xdata()) == 1]
        spans = [line for line in axes.get_lines() if line.get_label() == "_"]
        assert sorted(line.get_xdata()[0] for line in dots) == sorted(effect.size for effect in found)
        assert sorted(tuple(line.get_xdata()) for line in spans) == sorted((e.low, e.high) for e in found)
        low, high = axes.get_xlim()
        assert low < min(effect.low for effect in found)
        assert high > max(effect.high for effect in found)


def test_effects_by_differences_stand_around_zero(small):
    small["declared"]["metrics"]["kl"]["compared_by"] = "difference"
    for effect, size in zip(small["effects"], (-12.5, 12.5), strict=True):
        effect |= {"factor": None, "difference": size, "low": size - 2, "high": size + 2}
    board = Leaderboard.validate(small)
    (axes,) = plots.effects(board).axes
    assert axes.get_xscale() == "linear"
    dots = {line.get_xdata()[0]: line.get_marker() for line in axes.get_lines() if len(line.get_xdata()) == 1}
    assert dots == {-12.5: "<", 12.5: ">"}
    text = render(board, "table", width=None)
    assert "Effects. Difference in kl from the mean over the axis' choices, all else equal; below 0 is better" in text
    assert text.index("-12.5 ± 2.0") < text.index("12.5 ± 2.0", text.index("-12.5 ± 2.0") + 8)


def test_no_text_of_a_plot_overlaps_another_or_leaves_the_figure(document):
    board = Leaderboard.validate(document)
    figures = [
        plots.error_against_bound(board, "budget", "sliced-wasserstein"),
        plots.error_against_bound(board, "budget", "kl"),
        plots.budgets(board),
        plots.effects(board),
    ]
    for figure in figures:
        assert touching(figure) == []
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for _, box in texts(figure))


def test_factors_over_many_powers_of_ten_have_ticks_apart(document):
    document["effects"][0] |= {"factor": 2e-5, "low": 1e-5, "high": 4e-5}
    document["effects"][1] |= {"factor": 2e4, "low": 1e4, "high": 4e4}
    assert touching(plots.effects(Leaderboard.validate(document))) == []


def texts(figure):
    """Texts of a drawn figure, and where they lie."""
    figure.canvas.draw()
    return [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text().strip()
    ]


def touching(figure):
    """Pairs of texts that lie on one another."""
    boxes = texts(figure)
    return [
        (name, other)
        for i, (name, box) in enumerate(boxes)
        for other, second in boxes[i + 1 :]
        if name != other and box.padded(-1).overlaps(second.padded(-1))
    ]


def test_plots_of_little_are_left_out(tmp_path, small):
    small.update(rows=small["rows"][3:], agreement=[], effects=[], calibration=[])
    small["rows"][0].update(rank=1, rank_low=1, rank_high=1)
    files = publish(Leaderboard.validate(small), tmp_path / "tiny", COMMAND)
    assert {path.name for path in files} == {"leaderboard.json", "README.md"}


def test_without_matplotlib_the_extra_is_named(tmp_path, small, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DocumentError, match=r"pip install 'diffusion-harness\[publish\]'"):
        publish(Leaderboard.validate(small), tmp_path / "out", COMMAND)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("drawn_once")
@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_leaves_what_was_there(tmp_path, small, monkeypatch, existing):
    target = tmp_path / "out"
    if existing:
        publish(Leaderboard.validate({**small, "title": "What was there"}), target, COMMAND)
    before = contents(target) if existing else None
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DocumentError, match="out cannot be written: No space left on device"):
        publish(Leaderboard.validate(small), target, COMMAND)
    assert (contents(target) if existing else target.exists() or None) == before
    assert [path.name for path in tmp_path.iterdir()] == (["out"] if existing else [])


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a directory that nobody can write")
def test_a_directory_that_cannot_be_written_is_one_line(small):
    with pytest.raises(DocumentError) as caught:
        publish(Leaderboard.validate(small), "/proc/harness-leaderboard", COMMAND)
    assert str(caught.value).startswith("/proc/harness-leaderboard cannot be written: ")
    assert "\n" not in str(caught.value)


def test_another_page_is_never_overwritten(tmp_path, small):
    (tmp_path / "README.md").write_text("a project")
    with pytest.raises(DocumentError, match=r"holds another README\.md; publish into a new directory"):
        publish(Leaderboard.validate(small), tmp_path, COMMAND)
    assert contents(tmp_path) == {"README.md": b"a project"}
    with pytest.raises(DocumentError, match=r"README.md is a file; publish into a directory"):
        publish(Leaderboard.validate(small), tmp_path / "README.md", COMMAND)


@pytest.mark.usefixtures("drawn_once")
def test_a_page_is_not_written_over_that_of_another_suite_or_kind(tmp_path, small):
    target = tmp_path / "out"
    publish(Leaderboard.validate(small), target, COMMAND)
    before = contents(target)
    with pytest.raises(DocumentError, match=r"another page, 'Leaderboard `.*`', and this one is 'Leaderboard `else`'"):
        publish(Leaderboard.validate({**small, "suite": "else"}), target, COMMAND)
    with pytest.raises(DocumentError, match="this one is 'Bounds of"):
        publish_bounds(rank_bounds(Leaderboard.validate(small)), target, COMMAND)
    assert contents(target) == before
    publish(Leaderboard.validate(small), target, COMMAND)


@pytest.mark.usefixtures("drawn_once")
def test_a_command_with_backticks_stays_in_its_block(tmp_path, small):
    publish(Leaderboard.validate(small), tmp_path / "out", "harness run a\n```\n# not a heading")
    page = (tmp_path / "out" / "README.md").read_text()
    assert "````sh\nharness run a\n```\n# not a heading\n````" in page


@pytest.mark.usefixtures("drawn_once")
def test_names_of_strangers_make_safe_file_names(tmp_path, small):
    for row in small["rows"]:
        row["bounds"] = {"../Evil bound": row["bounds"]["budget"]}
        row["violations"] = []
    small["agreement"] = []
    small["declared"] = small["declared"] | {"bounds": {"../Evil bound": small["declared"]["bounds"]["budget"]}}
    files = publish(Leaderboard.validate(small), tmp_path / "out", COMMAND)
    assert "kl-against-evil-bound.svg" in {path.name for path in files}
    assert all(path.parent == tmp_path / "out" and path.exists() for path in files)


@pytest.mark.usefixtures("drawn_once")
def test_what_a_page_replaces_is_told_by_the_document(tmp_path, small):
    target = tmp_path / "out"
    publish(Leaderboard.validate(small), target, COMMAND)
    page = (target / "README.md").read_text()
    (target / "README.md").write_text("# My own title\n" + page.partition("\n")[2])
    publish(Leaderboard.validate(small), target, COMMAND)
    assert (target / "README.md").read_text() == page
    (target / "leaderboard.json").write_text('{"mine": 1}')
    with pytest.raises(DocumentError, match="holds another page, and this one is 'Leaderboard `tiny`'"):
        publish(Leaderboard.validate(small), target, COMMAND)
    assert (target / "leaderboard.json").read_text() == '{"mine": 1}'


@pytest.mark.usefixtures("drawn_once")
def test_a_plot_that_is_none_of_the_former_document_stays(tmp_path, small):
    publish(Leaderboard.validate(small), tmp_path, COMMAND)
    (tmp_path / "mine-against-theirs.svg").write_text("mine")
    publish(Leaderboard.validate(small), tmp_path, COMMAND)
    assert (tmp_path / "mine-against-theirs.svg").read_text() == "mine"


@pytest.mark.usefixtures("drawn_once")
def test_no_page_says_where_files_lie_on_this_machine(tmp_path, small):
    text, board = json.dumps(small), Leaderboard.validate(small)
    target = next(row["target"] for row in small["rows"])
    name = target["name"]
    assert f'"name": "{name}", "params": {{' in text
    for path, called in (("/home/me/secret/mine.npy", "mine.npy"), ("data/mine.npy", "data/mine.npy")):
        changed = text.replace(f'"name": "{name}", "params": {{', f'"name": "{name}", "params": {{"path": "{path}", ')
        changed = changed.replace(", }", "}")
        place = tmp_path / called.replace("/", "-")
        publish(Leaderboard.validate(json.loads(changed)), place, f"harness run --target {name}:path={path}")
        for file in place.iterdir():
            content = file.read_text()
            assert "secret" not in content, file
            assert "/home" not in content, file
        written = Leaderboard.read(place / "leaderboard.json")
        assert {row.target.params.get("path") for row in written.rows if row.target.name == name} == {called}
        assert f"path={called}" in (place / "README.md").read_text()
        assert [row.metrics for row in written.rows] == [row.metrics for row in board.rows]


def test_files_of_one_name_stay_apart():
    two = {"/home/me/a/mine.npy", "/home/me/b/mine.npy"}
    assert [publishing._shortest(path, two) for path in sorted(two)] == ["a/mine.npy", "b/mine.npy"]
    assert publishing._shortest("/mine.npy", {"/mine.npy", "/a/mine.npy"}) == "mine.npy"
