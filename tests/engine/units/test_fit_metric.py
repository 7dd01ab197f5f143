"""Fit a metric: once for a target, the same bits each time; what it may not return; what is made of it."""

import math
import re

import pytest
import torch
from harness_data.targets import Digits
from harness_metrics import LabelError
from harness_synthetic.targets import Gaussian, Ring

from harness.blobs import Blob, BlobError, BlobFolder
from harness.engine.checkpoints import read_state
from harness.engine.jobs import CalibrateMetricsJob, FitMetricJob
from harness.engine.metric_values import labelled_sample, reference_sample
from harness.engine.payloads.fit import FitPayload
from harness.engine.units.calibrate_metrics import calibrate_metrics
from harness.engine.units.fit_metric import fit_metric
from harness.errors import DiskError, FitFailed, NotApplicable
from harness.metrics import FittedMetric, Measurement


class Shift(FittedMetric):
    """Distance of the means after a fitted shift; it draws from both generators and spoils what it is given."""

    name = "shift"

    def fit(self, law, generator):
        drawn = torch.randn(law.dim, generator=generator, dtype=torch.float64)
        return {"shift": drawn.requires_grad_(), "more": torch.randn(2), "view": drawn.detach()[:1]}

    def compare(self, generated, reference, fitted):
        value = float((generated.mean(0) + fitted["shift"] - reference.mean(0)).norm())
        fitted["shift"].zero_()
        return Measurement(value, 0.0)

    def notes(self, fitted):
        return (f"shifted by {len(fitted['shift'])} numbers",)


class Nowhere(Shift):
    name = "nowhere"

    def fit(self, law, generator):
        raise NotApplicable("the target is no torus")


class Failing(Shift):
    name = "failing"

    def fit(self, law, generator):
        raise RuntimeError("no fit\ntoday")


class Giving(Shift):
    """Gives what its parameter names."""

    name = "giving"
    what: str

    def fit(self, law, generator):
        return {
            "list": [torch.ones(2)],
            "number": {"a": 1.0},
            "key": {1: torch.ones(2)},
            "nan": {"a": torch.tensor([1.0, math.nan])},
            "notes": {"shift": torch.ones(1)},
        }[self.what]

    def notes(self, fitted):
        return "a sentence"


def fitted(metric, folder, target=None):
    (record,) = fit_metric(FitMetricJob("k", metric, target or Ring(), BlobFolder(folder)))
    return record


def test_what_was_fitted_is_a_blob_and_the_record_holds_its_digest(tmp_path):
    record = fitted(Shift(), tmp_path)
    assert (record.key, record.kind, record.ok) == ("k", "fit", True)
    payload = FitPayload.from_json(record.payload)
    assert payload.notes == ("shifted by 2 numbers",)
    state = read_state(Blob(payload.sha256, BlobFolder(tmp_path)))
    assert set(state) == {"shift", "more", "view"}
    assert torch.equal(state["shift"][:1], state["view"])
    assert payload == FitPayload.from_json(payload.to_json())


def test_it_is_the_same_bits_again_and_others_for_another_target(tmp_path):
    state = torch.random.get_rng_state()
    one, other = (fitted(Shift(), tmp_path).payload for _ in range(2))
    assert one == other
    assert torch.equal(torch.random.get_rng_state(), state)
    assert fitted(Shift(), tmp_path, Gaussian(dim=3)).payload["sha256"] != one["sha256"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_metric_that_does_not_apply_to_a_target_has_failed_nothing(tmp_path):
    record = fitted(Nowhere(), tmp_path)
    assert (record.kind, record.reason, record.applicable) == ("fit", "the target is no torus", False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (Failing(), r"metric failing: fit: RuntimeError: no fit today \(.*test_fit_metric\.py, line \d+\)"),
        (Giving(what="list"), "metric giving:what=list: fit: returned list; it must be a dict of tensors by name"),
        (Giving(what="number"), r"metric .*: fit: returned 'a': float; it must be a dict of tensors by name"),
        (Giving(what="key"), r"metric .*: fit: returned 1: Tensor; it must be a dict of tensors by name"),
        (Giving(what="nan"), r"metric .*: fit: returned tensor 'a' with a value that is not finite; all must be"),
        (Giving(what="notes"), r"metric .*: fit: has notes 'a sentence'; they must be a tuple of sentences"),
    ],
)
def test_what_is_no_fit_fails_and_leaves_nothing(tmp_path, metric, reason):
    record = fitted(metric, tmp_path)
    assert re.fullmatch(reason, record.reason)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_ends_the_run_and_not_the_metric(tmp_path):
    with pytest.raises(DiskError, match="cannot be written"):
        fitted(Shift(), tmp_path / "absent")


def calibrated(metrics, fits, target=None):
    job = CalibrateMetricsJob(target or Ring(), list(metrics.items()), 3, 40, 0.1, fits)
    return {record.key: record for record in calibrate_metrics(job)}


def test_each_is_calibrated_by_its_own_copy_of_the_fit(tmp_path):
    blob = Blob(fitted(Shift(), tmp_path).payload["sha256"], BlobFolder(tmp_path))
    fits = {"a": blob, "b": blob, "n": NotApplicable("no torus"), "f": FitFailed("metric x: fit: no")}
    records = calibrated(dict.fromkeys(fits, Shift()), fits)
    reference, perfect = (reference_sample(Ring().distribution(), 40, 0.1, 3, part) for part in (0, 1))
    value = float((perfect.mean(0) + read_state(blob)["shift"] - reference.mean(0)).norm())
    assert records["a"].payload == records["b"].payload
    assert records["a"].payload["value"] == value
    assert (records["n"].ok, records["n"].payload) == (True, {"not_applicable": "no torus"})
    assert records["f"].reason == "metric x: fit: no"


def test_a_blob_that_changed_ends_the_run(tmp_path):
    blob = Blob(fitted(Shift(), tmp_path).payload["sha256"], BlobFolder(tmp_path))
    BlobFolder(tmp_path).file(blob.sha256).write_bytes(b"")
    with pytest.raises(BlobError, match="damaged: run the command again"):
        calibrated({"a": Shift()}, {"a": blob})


def test_a_metric_of_labels_is_calibrated_by_the_labels_of_held_out_points(tmp_path):
    metric = LabelError(train_steps=200)
    blob = Blob(fitted(metric, tmp_path, Digits()).payload["sha256"], BlobFolder(tmp_path))
    record = calibrated({"a": metric}, {"a": blob}, Digits())["a"]
    points, labels = labelled_sample(Digits().distribution(), 40, 0.1, 3, 1)
    assert torch.equal(points, reference_sample(Digits().distribution(), 40, 0.1, 3, 1))
    assert record.payload["value"] == metric.compare_labelled(points, labels, read_state(blob)).value < 0.2
