"""Error against compute: the totals, the front, and what is drawn and published of them."""

import math
import random

from harness.results.leaderboard import Leaderboard
from harness.results.sections import sections
from harness.views import plots
from harness.views.pareto import Spending, best, front, spendings, totals
from harness.views.publishing import publish


def spending(compute, error, share=0.5):
    return Spending(None, compute, share, error)


def by_hand(found):
    """The front by its definition, where all totals are distinct."""
    return [s for s in found if not any(o.compute <= s.compute and o.error < s.error for o in found)]


def test_the_front_is_what_nothing_beats():
    rng = random.Random(0)
    found = [spending(int(1000 * 1.1**i), math.exp(rng.gauss(-0.05 * i, 0.5))) for i in range(40)]
    assert front(found) == by_hand(found)
    assert [s.error for s in front(found)] == sorted((s.error for s in front(found)), reverse=True)


def test_rows_of_one_total_are_one_point_of_the_front():
    found = [spending(990, 0.5), spending(995, 0.3), spending(1000, 0.4), spending(1995, 0.2), spending(4000, 0.25)]
    assert [len(group) for group in totals(found)] == [3, 1, 1]
    assert [s.compute for s in front(found)] == [995, 1995]
    assert [s.compute for s in best(found)] == [995]


def test_rows_without_training_or_without_difference_are_left_out(document):
    (section, _) = sections(Leaderboard.validate(document))
    found = spendings(section)
    assert len(found) == len([row for row in section.ranked if row.train_steps])
    assert [s.compute for s in found] == sorted(s.compute for s in found)
    for row in document["rows"]:
        row["compute"], row["training_share"] = 1000, 0.5
    assert spendings(sections(Leaderboard.validate(document))[0]) == []
    assert plots.error_against_compute(Leaderboard.validate(document)) is None
    for row in document["rows"]:
        row["compute"] = row["training_share"] = None
    assert plots.error_against_compute(Leaderboard.validate(document)) is None


def test_the_figure_has_a_panel_a_target_every_point_and_the_front(document):
    board = Leaderboard.validate(document)
    figure = plots.error_against_compute(board)
    for section, axes in zip(sections(board), figure.axes, strict=False):
        found = spendings(section)
        (points,) = axes.collections
        drawn = list(zip(map(tuple, points.get_offsets().tolist()), points.get_array().tolist(), strict=True))
        assert set(drawn) <= {((s.compute, s.error), s.share) for s in found}
        # Each is drawn, or lies under one that is: within a part of the panel that no eye tells apart.
        spans = [math.log(max(axis) / min(axis)) for axis in zip(*((s.compute, s.error) for s in found), strict=True)]
        for s in found:
            off = [[abs(math.log(a / b)) for a, b in zip(at, (s.compute, s.error), strict=True)] for at, _ in drawn]
            assert min(max(x / spans[0], y / spans[1]) for x, y in off) <= 1 / plots.CELLS
        line, ring = axes.get_lines()
        assert line.get_xydata().tolist() == [[s.compute, s.error] for s in front(found)]
        assert ring.get_xydata().tolist() == [[s.compute, s.error] for s in best(found)]
        assert 0 < len(axes.texts) <= len(best(found))
        low, high = axes.get_ylim()
        assert low < min(s.error for s in found)
        assert high > max(s.error for s in found)


def test_labels_do_not_touch_one_another(document):
    figure = plots.error_against_compute(Leaderboard.validate(document))
    figure.draw_without_rendering()
    for axes in figure.axes[:-1]:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_the_page_shows_it_where_rows_differ_and_no_longer_where_they_do_not(tmp_path, small):
    for with_compute in (True, False):
        for n, row in enumerate(small["rows"], 1):
            row["compute"], row["training_share"] = (1000 * n, 0.5) if with_compute else (None, None)
        publish(Leaderboard.validate(small), tmp_path / "board", "harness run quick")
        page = (tmp_path / "board" / "README.md").read_text(encoding="utf-8")
        assert (tmp_path / "board" / "compute.svg").exists() == with_compute
        assert ("## Training against sampling" in page) == with_compute
