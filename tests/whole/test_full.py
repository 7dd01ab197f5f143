"""The whole design space at a small size: nothing fails, and Theorem 2 ≥ budget ≥ marginal divergence on every row."""

import itertools
import json
import random
from collections import defaultdict
from pathlib import Path

import pytest

from harness.axes import crossed
from harness.planning.plan import Plan
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.running.runner import Options, carry_out, opened, run
from harness.store import CHECKPOINTS
from harness.suites.combinations import expand
from harness.suites.model import Suite, load_suite


def small(**changes) -> Suite:
    """The shipped suite, its combinations untouched, at a size that can be tested."""
    full = load_suite("full").model_dump()
    full["training"] |= {"steps": [60], "batch_size": 128}
    full["sampling"] |= {"samples": 500}
    return Suite.from_mapping(full | {"steps": [6], "seeds": 1} | changes, "full.toml")


RAW_DIVERGED = ("diverged", "relu")


def checked_rows(directory: Path) -> list[dict]:
    """The rows of a finished run, after what must hold for each of them."""
    document = read_document(directory).model_dump()
    Leaderboard.validate(document)
    rows = document["rows"]
    # So little training leaves raw networks whose samples diverge; nothing else may.
    wrong = [row for row in rows if row["status"] != "ok" and (row["status"], row["network"]["name"]) != RAW_DIVERGED]
    assert [(row["reason"], named(row)) for row in wrong] == []
    assert [(row["violations"], named(row)) for row in rows if row["violations"]] == []
    for row in rows:
        budget, theorem = row["bounds"]["budget"], row["bounds"]["theorem-2"]
        gaussian_steps = row["sampler"]["name"] in ("exponential-integrator", "ancestral", "analytic")
        assert (budget is not None) == gaussian_steps, named(row)
        assert (theorem is not None) == (row["sampler"]["name"] == "exponential-integrator"), named(row)
        if theorem is not None:
            assert theorem >= budget, named(row)
        if budget is not None:
            assert row["metrics"]["path-kl"]["value"] == pytest.approx(budget, rel=1e-12)
            if "kl" in row["metrics"]:
                assert row["metrics"]["kl"]["low"] <= budget * (1 + 1e-9), named(row)
        if row["network"]["name"] == "exact" and budget is not None:
            assert row["budget"]["score"] == 0
    return rows


def named(row: dict) -> str:
    return " / ".join([row[axis]["name"] for axis in crossed()])


def assert_every_choice_appears(rows: list[dict], suite: Suite, registry) -> None:
    for axis in crossed():
        wanted = {component.name for component in suite.components(axis, registry)}
        if axis == "weighting":
            wanted.add("none")  # of the oracles
        assert {row[axis]["name"] for row in rows} == wanted


def some_of_each_network(combinations: list, seed: int, each: int) -> list:
    """A few combinations of each network: a trained one on one target, an oracle on all."""
    groups = defaultdict(list)
    for c in combinations:
        groups[c.network, c.weighting, c.target].append(c)
    targets = list(dict.fromkeys(c.target for c in combinations))
    turns = itertools.cycle(targets)
    rng = random.Random(seed)
    chosen = []
    for network, weighting in dict.fromkeys((n, w) for n, w, _ in groups):
        for target in [next(turns)] if weighting else targets:
            chosen += rng.sample(groups[network, weighting, target], each)
    return chosen


@pytest.mark.slow
def test_a_sample_of_the_whole_space(tmp_path, registry):
    suite = small(training={"steps": [30], "batch_size": 64}, sampling={"samples": 300})
    chosen = some_of_each_network(expand(suite, registry), seed=0, each=3)
    with opened(tmp_path) as store:
        plan = Plan(suite, registry, chosen, tmp_path / CHECKPOINTS)
        carry_out({f"manifest:{suite.name}": plan}, store, Options(workers=2, progress=False))
    rows = checked_rows(tmp_path)
    assert sum(1 + len(row["same_as"]) for row in rows) == len(chosen) == 78
    assert_every_choice_appears(rows, suite, registry)
    assert sum("kl" in row["metrics"] for row in rows) >= 10


@pytest.mark.slow
def test_the_whole_space(tmp_path, registry):
    suite = small()
    run(suite, registry, tmp_path, Options(workers=2, progress=False))
    rows = checked_rows(tmp_path)
    # Targets × (trained networks × weightings + oracles) × schedules × grids × samplers.
    assert len(rows) == 5 * (2 * 8 + 2) * 6 * 6 * 7
    assert_every_choice_appears(rows, suite, registry)
    bounded = [row for row in rows if "kl" in row["metrics"] and row["bounds"]["budget"] is not None]
    assert {row["sampler"]["name"] for row in bounded} == {"exponential-integrator", "ancestral", "analytic"}
    assert len(bounded) > 1500
    # Equal designs: `eps` and `likelihood` train the same network.
    designs = defaultdict(list)
    for row in rows:
        if row["weighting"]["name"] in ("eps", "likelihood"):
            key = [row[axis]["digest"] for axis in crossed() if axis != "weighting"]
            designs[json.dumps(key)].append(row["metrics"])
    assert all(first == second for first, second in designs.values())
