"""What boards tell of components: effects by their intervals, best designs by rank sets."""

from pathlib import Path

import pytest

from harness.axes import design
from harness.results.component_standings import ComponentName, Verdict, component_standings
from harness.results.leaderboard import CertificateSummary, Effect, Leaderboard
from harness.results.published import read_published

BOARDS = Path(__file__).parents[2] / "leaderboards"


def effect(low, high, factor=True):
    size = (low + high) / 2 if low is not None else 1.0
    sized = {"factor": size, "difference": None} if factor else {"factor": None, "difference": size}
    return Effect.model_validate(
        {"target": "t", "among": "mlp", "axis": "sampler", "choice": "heun", "low": low, "high": high, "contexts": 4,
         "skipped": 0, **sized}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "factor", "told"),
    [
        (0.5, 0.9, True, "better"),
        (1.1, 1.5, True, "worse"),
        (0.9, 1.1, True, "not told"),
        (0.5, 1.0, True, "not told"),
        (-2.0, -1.0, False, "better"),
        (0.5, 0.9, False, "worse"),
        (-1.0, 1.0, False, "not told"),
        (None, None, True, "no interval"),
    ],
)
def test_an_effect_is_told_where_its_interval_leaves_out_none(low, high, factor, told):
    assert Verdict("b", "t", effect(low, high, factor)).told == told


@pytest.mark.parametrize("name", ["knobs", "images-digits", "guidance"])
def test_each_effect_of_a_component_is_told_of_that_component(name):
    board = read_published(BOARDS / name / "leaderboard.json")
    found = component_standings({name: board})
    effects = [each for each in board.effects if each.axis in design()]
    assert effects
    told = {(each.name.axis, v.effect.choice): each.name.name for each in found for v in each.verdicts}
    assert sum(len(each.verdicts) for each in found) == len(effects)
    assert all(choice.partition(":")[0] == own for (_, choice), own in told.items())


def test_best_designs_and_ties_are_those_of_the_rows(small):
    """Ranks 1 (1–2), 2 (1–2), 3 (3–3), and one that failed."""
    board = Leaderboard.validate(small)
    ranked = sorted((row for row in board.rows if row.ok), key=lambda row: row.rank)
    for standing in component_standings({"one": board}):
        axis = standing.name.axis
        if axis not in design():
            continue
        mine = [row for row in ranked if row.component(axis).name == standing.name.name]
        if not mine:
            assert not standing.appearances
            continue
        (found,) = standing.appearances
        assert (found.designs, found.others) == (len(mine), len(ranked) - len(mine))
        assert found.best is mine[0]
        assert found.overlaps == (mine[0].rank <= 2)


def test_a_component_is_one_whatever_its_parameters_and_versions(small):
    again = Leaderboard.validate(small)
    for row in small["rows"]:
        row["sampler"] |= {"version": "9.9", "digest": row["sampler"]["digest"][::-1]}
    found = component_standings({"new": Leaderboard.validate(small), "old": again})
    heun = next(each for each in found if each.name.name == again.rows[0].sampler.name)
    assert list(heun.boards) == ["new", "old"]
    assert len(heun.origins) == 2
    keys = [each.name for each in found]
    assert len(keys) == len(set(keys))


def test_what_stands_in_the_place_of_a_component_is_none():
    board = read_published(BOARDS / "designs" / "leaderboard.json")
    assert {row.weighting.name for row in board.rows} >= {"none", "edm"}
    found = {each.name.name for each in component_standings({"one": board}) if each.name.axis == "weighting"}
    assert "none" not in found
    assert "edm" in found


def test_certificates_and_what_only_has_a_label_are_told(small):
    board = Leaderboard.validate(small)
    sampler = board.rows[0].sampler
    told = CertificateSummary(axis="sampler", component=sampler, standing="failed", passed=3, failed=1, unclaimed=0)
    found = component_standings({"one": board.model_copy(update={"certificates": [told]})})
    assert next(each for each in found if each.certificates).name == ComponentName.of("sampler", sampler)
    assert ComponentName.labelled("metric", "kl:points=512") == ComponentName("metric", "diffusion-harness", "kl")
    assert str(ComponentName.labelled("bound", "theirs/tight")) == "theirs/tight"
    metrics = {name for row in board.rows for name in row.metrics}
    assert {each.name.name for each in found if each.name.axis == "metric"} >= metrics
