"""Components of the population, in a plan: by losses of networks on held-out points, measured where asked for."""

import math

import numpy as np
import pytest

from harness.engine.jobs import MeasureLossesJob
from harness.engine.worker import perform
from harness.planning.keys import measured
from harness.planning.units import NotPossible
from harness.results.read_board import document
from harness.running.runner import opened
from harness.store import MANIFEST
from harness.views.tables import render

DATA = {
    "weightings": ["edm"],
    "time_discretizations": ["polynomial", "fisher:law=population"],
    "networks": ["mlp:width=24,depth=2"],
    "samplers": ["exponential-integrator", "analytic", "analytic:law=population"],
    "metrics": ["nll-bound:noised=256"],
    "bounds": [],
    "rank_by": "nll-bound:noised=256",
    "steps": [8],
    "seeds": 1,
    "training": {"steps": [400], "batch_size": 64, "learning_rate": 5e-3},
}


@pytest.fixture(scope="module")
def made(planned, carry_out, tmp_path_factory):
    """A tiny network that learned 24 Gaussian rows by heart, carried out, and its records."""
    folder, records = tmp_path_factory.mktemp("made"), {}
    np.save(folder / "rows.npy", np.random.default_rng(3).normal(size=(40, 8)))
    plan = planned(folder, **DATA | {"targets": [f"file:path={folder / 'rows.npy'}"]})
    done = carry_out(plan, records)
    return plan, records, [unit.job(records.get) for unit, _ in done if unit.stage == 2]


def row(made, *design):
    plan, records, _ = made
    place = [(c.time_discretization.label(), c.sampler.label()) for c in plan.combinations].index(design)
    return plan.contents(records.get, "").rows[place]


def at_points(made, *design):
    """The bound on −ln q of the points that metrics see, of each group of them."""
    plan, records, _ = made
    (key,) = row(made, *design).samples
    return np.array(records[measured(key, plan.keys.measuring(plan.metrics[0]))].payload["groups"])


PLAIN = ("polynomial", "exponential-integrator")


@pytest.mark.parametrize(
    "design", [("polynomial", "analytic:law=population"), ("fisher:law=population", "exponential-integrator")]
)
def test_what_is_made_for_the_population_is_no_worse_on_it(made, design):
    apart = at_points(made, *design) - at_points(made, *PLAIN)
    assert apart.mean() < 2 * apart.std(ddof=1) / math.sqrt(len(apart))


def test_what_is_made_for_copying_the_training_points_is_worse(made):
    apart = at_points(made, "polynomial", "analytic") - at_points(made, "polynomial", "analytic:law=population")
    assert apart.mean() > 2 * apart.std(ddof=1) / math.sqrt(len(apart))


def test_losses_are_measured_once_and_only_where_they_are_read(made):
    plan, _, jobs = made
    (losses,) = [job for job in jobs if isinstance(job, MeasureLossesJob)]
    (trained,) = plan.trained_keys()
    assert [key for key, _ in losses.networks] == [plan.keys.losses(trained)]
    assert row(made, *PLAIN).losses == row(made, "polynomial", "analytic").losses == []
    for design in (("polynomial", "analytic:law=population"), ("fisher:law=population", "exponential-integrator")):
        assert row(made, *design).losses == [plan.keys.losses(trained)]
        assert plan.keys.losses(trained) in row(made, *design).record_keys()


def test_a_table_of_data_says_of_which_law_grids_and_samplers_are_made(made, tmp_path):
    plan, records, _ = made
    with opened(tmp_path) as store:
        store.put(list(records.values()))
        store.set_meta(f"{MANIFEST}:small", plan.contents(records.get, "").model_dump(mode="json"))
        shown = render(document(store), "table")
    told = "note: made from the training points' own law: analytic; from that behind them, by held-out points: "
    assert told + "fisher:law=population, analytic:law=population" in map(str.strip, shown.splitlines())


@pytest.mark.parametrize(
    ("grid", "sampler", "changes", "reason"),
    [
        ("fisher:law=population", "heun", {"networks": ["exact"]}, "of a trained network; exact is not trained"),
        (
            "polynomial",
            "analytic:law=population",
            {"networks": ["exact"]},
            "of a trained network; exact is not trained",
        ),
        (
            "fisher:law=population",
            "heun",
            {"weightings": ["grid-matched"]},
            "; grid-matched trains the network after its grid is laid out",
        ),
    ],
)
def test_without_a_network_trained_before_them_they_do_not_apply(planned, grid, sampler, changes, reason):
    plan, records = planned(**DATA | changes | {"time_discretizations": [grid], "samplers": [sampler]}), {}

    def carry_out(units):
        for unit in units:
            records.update({record.key: record for record in perform(unit.job(records.get))})

    with pytest.raises(NotPossible, match=reason) as found:
        carry_out(
            unit
            for find in (plan.groundwork, lambda f: plan.work(records.get, f))
            for unit in find(lambda key: key not in records)
        )
    assert not found.value.applicable
