"""How verdicts are told: of which side a p-value is, what is exact, who decides; and how plots are drawn."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from harness_claims.document import (
    ClaimEntry,
    ClaimsBoard,
    EffectEntry,
    FindingEntry,
    PanelEntry,
    PaperEntry,
    SeriesEntry,
)
from harness_claims.plots import CLOUD, LINE, claim_figure
from harness_claims.publishing import KIND
from harness_claims.tables import claims_table, findings_table, render_claims
from harness_claims.verdicts import every, sign_test, slope_test, t_test
from paper_level import decision
from site_pages import Parsed, faults

from harness.commands import Source
from harness.views.page import markdown_table
from harness.views.plots import svg
from harness.views.site.writing import site_files

RANDOM = np.random.default_rng(0).normal(size=12)


def entry(*panels, found=None, **changes):
    """A claim as a document has it, made from a decision."""
    found = found or decision({"gaussian": t_test(RANDOM + 9)}, "size")
    findings = [
        FindingEntry(
            target=f.target,
            verdict=f.verdict,
            effect=f.effect,
            low=f.low,
            high=f.high,
            statistic=f.statistic,
            p_value=f.p_value,
            p_against=f.p_against,
            seeds=f.seeds,
            note=f.note,
            exact=f.exact,
            within_rounding=f.within_rounding,
        )
        for f in found.findings
    ]
    effect = EffectEntry(name=found.effect.name, value=found.effect.value, low=found.effect.low, high=found.effect.high)
    shown = {
        "paper": "p", "number": 1, "name": "a", "title": "a", "statement": "a", "source": "", "rule": "",
        "verdict": found.verdict, "effect": effect, "statistic": found.statistic, "seeds": found.seeds,
        "note": found.note, "error": "",
        "seconds": 0.0, "findings": findings, "panels": list(panels), "target": found.target,
        "within_rounding": found.within_rounding, "seen": [found.verdict],
    }  # fmt: skip
    return ClaimEntry(**(shown | changes))


def fixed(value, times=9):
    return t_test([value] * times, arithmetic=True)


def panel(*series, title="a", log_x=False, log_y=False):
    return PanelEntry(title=title, x_label="x", y_label="y", log_x=log_x, log_y=log_y, series=list(series))


def line(x, y, kind="line", label="a", low=None, high=None):
    return SeriesEntry(label=label, x=list(map(float, x)), y=list(y), low=low, high=high, kind=kind)


@pytest.mark.parametrize(
    ("shift", "verdict", "told"),
    [(9, "supported", {"for"}), (-9, "contradicted", {"against"}), (0, "undecided", {"for", "against"})],
)
def test_a_p_value_is_told_with_its_side(shift, verdict, told):
    values = RANDOM - RANDOM.mean() + shift
    found = decision({"ring": t_test(values)}, "size")
    assert found.verdict == verdict
    assert set(re.findall(r"p (for|against) ", found.statistic)) == told
    assert (found.target, found.seeds) == ("ring", 12)
    # Each p is that of its side: they add up to one.
    finding = found.findings[0]
    assert finding.p_value + finding.p_against == pytest.approx(1)
    for side, p in (("for", finding.p_value), ("against", finding.p_against)):
        assert (f"p {side} {p:.2g}" in found.statistic) == (side in told)


@pytest.mark.parametrize("test", [fixed(2.0), fixed(-2.0), slope_test([1, 2, 3], [2, 4, 6], 2.0)])
def test_arithmetic_has_no_p_value_and_one_unit(test):
    found = decision({"ring": test}, "size")
    assert test.exact
    assert (found.statistic, found.seeds) == ("exact", 1)
    row = markdown_table(findings_table(entry(found=found)).columns).splitlines()[-1]
    assert row.count("exact") == 3


def test_chance_is_never_called_exact():
    # Neither a p-value of 0 or 1 by rounding, nor a mean at the margin itself, nor an error that all seeds share.
    far, middle, shared = t_test([1.0, 1.0], error=1e-3), t_test(RANDOM - RANDOM.mean()), t_test([1.0, 1.0], error=0.1)
    assert (far.p_for, far.p_against) == (0, 1)
    for test in (far, middle, shared, sign_test(20, 20), sign_test(0, 20)):
        assert "exact" not in decision({"ring": test}, "size").statistic
    assert decision({"ring": far}, "size").statistic.endswith("p for <1e-300")
    # Exact numbers beside a random part are not exact together.
    both = every([fixed(1.0), sign_test(3, 20)])
    assert "exact" not in decision({"ring": both}, "size").statistic


@pytest.mark.parametrize("sign", [1, -1])
def test_seeds_that_agree_by_chance_are_worth_a_coin_each(sign):
    test = t_test([sign * 1.0] * 6, sign * 0.5)
    sides = (test.p_for, test.p_against)
    assert sides[::sign] == pytest.approx((2**-6, 1 - 2**-6))
    assert (test.exact, test.seeds) == (False, 6)
    assert "exact" not in decision({"ring": test}, "size").statistic


def test_the_units_of_parts_are_the_fewest_of_a_random_one():
    noisy, few = t_test(RANDOM + 9), t_test(RANDOM[:5] + 9)
    assert every([noisy, few, fixed(1.0, 40)]).seeds == 5
    assert every([fixed(1.0), fixed(2.0)]).seeds == 1


def test_the_table_counts_the_targets_and_names_the_one_that_decides():
    tests = {"gaussian:dim=3": t_test(RANDOM + 9), "ring": t_test(RANDOM - 99), "digits": t_test(RANDOM)}
    found = decision(tests, "size")
    assert found.target == "ring"
    board = ClaimsBoard(
        schema_version=5,
        command="",
        quick=True,
        papers=[PaperEntry(name="p", claims=13, alpha=0.004)],
        environment={},
        processors=["a"],
        claims=[entry(found=found)],
    )
    heads, _, row = (part.split("|") for part in markdown_table(claims_table(board).columns).splitlines())
    cells = {head.strip(): cell.strip() for head, cell in zip(heads, row, strict=True)}
    assert cells["targets for / against / open"] == "1 / 1 / 1"
    assert cells["decided by"] == "ring"
    assert cells["units"] == "12"


def test_a_long_name_of_a_target_does_not_take_the_table():
    found = decision({"gaussian exponents, σ 0.05–20": t_test(RANDOM + 9)}, "size")
    board = ClaimsBoard(
        schema_version=5,
        command="",
        quick=True,
        papers=[PaperEntry(name="p", claims=13, alpha=0.004)],
        environment={},
        processors=["a"],
        claims=[entry(found=found)],
    )
    text = render_claims(board, "table", width=120)
    assert max(map(len, text.splitlines())) <= 120
    assert "exponents, σ" in text
    assert "gaussian exponents" not in text


@pytest.mark.parametrize("ratio", [1.0001, 1.02, 1.2, 2, 2.4, 2.6, 5, 9, 40, 200, 9000, 1e5, 1e20])
@pytest.mark.parametrize("start", [0.37, 0.99, 3.3e-6, 78.0])
def test_a_logarithmic_axis_has_two_labels_or_more(ratio, start):
    values = list(np.geomspace(start, start * ratio, 7))
    figure = claim_figure(entry(panel(line(values, values), log_x=True, log_y=True)))
    axes = figure.axes[0]
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        labels = [t.get_text() for t in axis.get_ticklabels() if low <= t.get_position()[axis is axes.yaxis] <= high]
        assert len({label for label in labels if label}) >= 2, labels


def test_a_line_breaks_where_a_logarithmic_axis_has_no_place():
    y = [1.0, 0.1, -1e-9, 0.01, None, 0.001]
    shown = panel(line(range(1, 7), y, low=[0.5] * 6, high=[2.0] * 6), log_y=True)
    drawn = claim_figure(entry(shown)).axes[0].lines[0].get_ydata()
    assert np.isnan(drawn).tolist() == [False, False, True, False, True, False]
    # On a linear axis a negative value is a value.
    linear = panel(line(range(1, 7), y))
    assert np.isnan(claim_figure(entry(linear)).axes[0].lines[0].get_ydata()).sum() == 1


def test_a_point_between_gaps_of_a_long_line_has_a_marker():
    y = [1.0] * 40
    y[10] = y[12] = 0.0
    drawn = claim_figure(entry(panel(line(range(1, 41), y), log_y=True))).axes[0].lines[0]
    assert drawn.get_markevery() == [11]


def test_letters_have_one_size_whatever_the_number_of_panels():
    one = panel(line([1, 2], [1.0, 2.0]))
    widths = {re.search(rb'width="([^"]+)"', svg(claim_figure(entry(*[one] * n)))).group(1) for n in (1, 2, 3, 5)}
    assert len(widths) == 1
    # The legend is there once, beside the panels or below them.
    for n in (1, 3):
        figure = claim_figure(entry(*[one] * n))
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
        assert [text.get_text() for legend in legends for text in legend.get_texts()] == ["a"]


def test_a_file_is_bounded_and_extremes_stay():
    rng = np.random.default_rng(1)
    x = np.arange(1, 20_001)
    walk = np.exp(rng.normal(size=len(x)))
    walk[3_333], walk[14_444] = 1e6, 1e-6
    long, cloud = line(x, walk.tolist()), line(x, walk.tolist(), kind="points", label="b")
    drawn = claim_figure(entry(panel(long, log_y=True))).axes[0].lines[0].get_ydata()
    assert len(drawn) <= LINE
    assert (drawn.max(), drawn.min()) == (1e6, 1e-6)
    made = svg(claim_figure(entry(panel(cloud, log_y=True))))
    assert len(made) < 200_000
    assert b"<image" in made
    few = line(x[:CLOUD], walk[:CLOUD].tolist(), kind="points")
    assert b"<image" not in svg(claim_figure(entry(panel(few, log_y=True))))


def test_a_line_that_is_thinned_keeps_its_gaps():
    y = np.ones(10_000)
    y[5_000:5_100] = -1
    drawn = claim_figure(entry(panel(line(range(1, 10_001), y.tolist()), log_y=True))).axes[0].lines[0].get_ydata()
    assert len(drawn) <= LINE
    assert math.isnan(drawn[len(drawn) // 2])


def test_a_label_with_dollars_is_text():
    figure = claim_figure(entry(panel(line([1, 2], [1.0, 2.0], label=r"$\frac{"), title="a $ and $\\no")))
    assert svg(figure).startswith(b"<?xml")


PUBLISHED = ClaimsBoard.read(Path(__file__).parents[2] / "leaderboards" / "claims" / "claims.json")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_table_fits_a_terminal(width):
    text = render_claims(PUBLISHED, "table", width=width)
    assert max(map(len, text.split("\n"))) <= width


def test_columns_go_in_their_order_and_the_target_that_decides_goes_last():
    order = ["time", "units", "statistic", "processors", "decided by", "caution"]
    seen = [entry.model_copy(update={"seen": [entry.verdict] * 2}) for entry in PUBLISHED.claims]
    board = PUBLISHED.model_copy(update={"processors": ["one", "two"], "claims": seen})
    heads = [render_claims(board, "table", width=w).partition("\n--")[0] for w in range(60, 200)]
    kept = [[head for head in order if head in shown] for shown in heads]
    assert all(found == order[len(order) - len(found) :] for found in kept)
    assert kept[0] == []
    assert kept[-1] == order


def test_only_the_target_that_decides_is_broken_where_there_is_room():
    lines = render_claims(PUBLISHED, "table", width=None).split("\n")
    assert any(entry.title in line for entry in PUBLISHED.claims for line in lines)
    assert all(any(entry.title in line for line in lines) for entry in PUBLISHED.claims)


@pytest.mark.slow
def test_verdicts_have_a_page_on_a_site():
    folder = Path(__file__).parents[2] / "leaderboards" / "claims"
    board = ClaimsBoard.read(folder / "claims.json")
    made = KIND.site(Source(folder))
    assert made.question.startswith("Do the claims of wang-2024 hold")
    assert sum(int(part.split()[0]) for part in made.facts["holds"].split(", ")) == len(board.claims)
    files = site_files({"claims": made})
    assert not faults(files)
    page = Parsed(files["boards/claims/index.html"].decode())
    titles = " ".join("".join(page.text).split())
    assert all(entry.title in titles for entry in board.claims)
