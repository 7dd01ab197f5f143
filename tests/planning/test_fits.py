"""Fits in a plan: one unit for a metric and a target, on which all that measures by it builds."""

import pytest
import torch
from harness_data.targets import Digits

from harness.blobs import Blob
from harness.engine.jobs import CalibrateMetricsJob, EvaluateSamplesJob, FitMetricJob
from harness.errors import FitFailed, NotApplicable
from harness.metrics import FittedMetric
from harness.networks import TrainableNetwork
from harness.planning import keys
from harness.planning.units import Stage
from harness.records import Record
from harness.registry.registry import Registry

CLASSIFIER = {
    "targets": ["digits", "gaussian:dim=2"],
    "networks": ["exact"],
    "weightings": [],
    "metrics": ["classifier-frechet:train_steps=5", "energy"],
    "bounds": [],
    "rank_by": "energy",
    "time_discretizations": ["polynomial"],
}


@pytest.fixture(scope="module")
def finished(planned, carry_out, tmp_path_factory):
    plan, records = planned(tmp_path_factory.mktemp("checkpoints"), **CLASSIFIER), {}
    return plan, carry_out(plan, records), records


def jobs(plan, records, missing=lambda key: True):
    return [(unit, unit.job(records.get)) for unit in plan.work(records.get, missing)]


def test_a_metric_is_fitted_once_for_a_target_whatever_uses_it(finished):
    plan, done, records = finished
    fits = [(unit, made) for unit, made in done if {record.kind for record in made.values()} == {"fit"}]
    assert len(fits) == 2
    assert {unit.stage for unit, _ in fits} == {Stage.GROUNDWORK}
    assert {key for unit, _ in fits for key in unit.keys} <= set(plan.blob_keys())
    found = {c.target.name: records[plan.keys.fit(plan.metrics[0], c.target)] for c in plan.combinations}
    assert "sha256" in found["digits"].payload
    assert found["gaussian"].reason == "the target has no labels to train a classifier on"
    assert not found["gaussian"].applicable
    assert [record for record in records.values() if not record.ok] == [found["gaussian"]]


def test_where_it_does_not_apply_its_values_say_so_and_its_neighbours_have_theirs(finished):
    plan, _, records = finished
    rows = plan.contents(records.get, "").rows
    for row, c in zip(rows, plan.combinations, strict=True):
        for sample in row.samples:
            frechet, energy = (
                records[keys.measured(sample, plan.keys.measuring(metric))].payload for metric in plan.metrics
            )
            assert "value" in energy
            assert ("value" in frechet) == (c.target.name == "digits")
            assert (frechet.get("not_applicable") is None) == (c.target.name == "digits")


def test_only_what_uses_a_fit_waits_for_it(finished):
    plan, _, records = finished
    fits = {key: job for unit, job in jobs(plan, records) if isinstance(job, FitMetricJob) for key in unit.keys}
    assert len(fits) == 2
    for unit, job in jobs(plan, records):
        if isinstance(job, (CalibrateMetricsJob, EvaluateSamplesJob)):
            (key,) = unit.after & set(fits)
            assert fits[key].target == job.target
            (fit,) = job.fits.values()
            assert isinstance(fit, Blob if job.target.name == "digits" else NotApplicable)
    assert not any(isinstance(unit.job(records.get), FitMetricJob) for unit in plan.groundwork(lambda key: True))
    energy = plan.keys.calibration(plan.combinations[0].target, 0, plan.keys.of(plan.metrics[1]))
    (alone,) = jobs(plan, records, lambda key: key == energy)
    assert (alone[0].after, alone[1].fits) == (frozenset(), {})


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (None, "metric classifier-frechet:train_steps=5: fit: not computed"),
        (Record("k", "unmade", reason="ran out"), "metric classifier-frechet:train_steps=5: fit: ran out"),
        (Record("k", "fit", reason="metric so: fit: no"), "metric so: fit: no"),
    ],
)
def test_a_fit_that_failed_is_told_to_those_that_use_it(finished, record, said):
    plan, _, records = finished
    failed = dict.fromkeys(plan.blob_keys(), record)
    for unit in plan.work(records.get, lambda key: True):
        job = unit.job(lambda key: failed.get(key, records.get(key)))
        if not isinstance(job, FitMetricJob):
            (fit,) = job.fits.values()
            assert isinstance(fit, FitFailed)
            assert str(fit) == said


def test_the_values_of_a_fitted_metric_depend_on_the_code_of_the_fit(planned, monkeypatch):
    def known(plan):
        target, (frechet, energy) = plan.combinations[0].target, plan.metrics
        found = {"fit": plan.keys.fit(frechet, target)}
        for metric in (frechet, energy):
            found |= {metric.name: keys.measured("s", plan.keys.measuring(metric))}
            found |= {f"{metric.name} held out": plan.keys.calibration(target, 0, plan.keys.measuring(metric))}
        return found

    before, real = known(planned(**CLASSIFIER)), keys.unit
    monkeypatch.setattr(keys, "unit", lambda name: "edited" if name == "fit_metric" else real(name))
    after = known(planned(**CLASSIFIER))
    assert {name for name in before if before[name] != after[name]} == {
        "fit",
        "classifier-frechet",
        "classifier-frechet held out",
    }


def test_a_fit_belongs_to_a_metric_with_its_parameters_and_a_target(planned):
    one, other = planned(**CLASSIFIER), planned(**CLASSIFIER | {"metrics": ["classifier-frechet", "energy"]})
    assert isinstance(one.metrics[0], FittedMetric)
    found = {plan.keys.fit(plan.metrics[0], c.target) for plan in (one, other) for c in plan.combinations}
    assert len(found) == 4


class Means(TrainableNetwork):
    """Takes each digit for the mean of its class, or of the class after it."""

    name = "means"
    off: int = 0

    @property
    def conditional(self):
        return True

    def module(self, data):
        points, labels = Digits().distribution().labelled(20_000, torch.Generator().manual_seed(0))
        means = torch.stack([points[labels == label].mean(0) for label in range(data.classes)])
        return Table(means.roll(-self.off, 0).float())


class Table(torch.nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.register_buffer("rows", rows)
        self.shift = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, sigma, labels):
        return self.rows[labels] + self.shift


def test_samples_are_compared_with_the_labels_that_they_were_made_for(planned, registry, carry_out, tmp_path):
    shipped = [cls for axis in registry.axes if axis != "claim" for cls in registry.classes(axis).values()]
    both = Registry.from_classes([*shipped, Means])
    changes = {"targets": ["digits"], "networks": ["means", "means:off=1", "exact"], "weightings": ["edm"]}
    changes |= {"metrics": ["label-error:train_steps=300", "energy"], "training": {"steps": [1], "batch_size": 4}}
    plan = planned(tmp_path, both, **CLASSIFIER | changes | {"seeds": 1, "samplers": ["heun"]})
    records = {}
    carry_out(plan, records)
    found = {}
    for row, c in zip(plan.contents(records.get, "").rows, plan.combinations, strict=True):
        (sample,) = row.samples
        found[c.network.label()] = records[keys.measured(sample, plan.keys.measuring(plan.metrics[0]))].payload
    assert found["means"]["value"] < 0.1
    assert found["means:off=1"]["value"] > 0.9
    assert found["exact"] == {"not_applicable": "the network is given no labels, so that no sample was made for one"}
