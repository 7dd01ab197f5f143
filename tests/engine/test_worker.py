"""From a job to records that can be kept."""

import math
from typing import ClassVar

import pytest
import torch
from harness_oracles.networks import Exact
from harness_song.initial_laws import Centered
from harness_song.samplers import Ancestral, Euler
from harness_synthetic.targets import Ring

from harness.engine import worker
from harness.engine.jobs import EvaluateSamplesJob, MeasureTargetJob
from harness.errors import ContractError
from harness.records import Record
from harness.samplers import Sampler


@pytest.mark.parametrize("value", [math.nan, math.inf, object()])
def test_a_result_that_cannot_be_kept_has_failed(value):
    # The parent would end on it, and with it every other row.
    told = worker.keepable(Record("k", "metric", {"x": value}))
    assert not told.ok
    assert "cannot be kept" in told.reason
    sound = Record("k", "metric", {"x": 1.0})
    assert worker.keepable(sound) is sound


class Hidden(Sampler):
    name: ClassVar[str] = "hidden"
    noise: bool = False

    def step(self, run, x):
        noise = run.noise() if self.noise else torch.randn_like(x)
        return run.denoiser(x, run.sigma) + 0.1 * noise


def test_a_foreign_sampler_that_hides_its_noise_is_refused():
    job = sampling_job(Hidden())
    assert all(record.ok for record in worker.work(job))
    with pytest.raises(ContractError, match="sampler hidden says that it is deterministic, and twice from the same"):
        worker.work_of_strangers(job)
    for sampler in (Euler(), Hidden(noise=True), Ancestral()):
        assert [record.ok for record in worker.work_of_strangers(sampling_job(sampler))] == [True]


def sampling_job(sampler):
    target = Ring()
    (measured,) = worker.work(MeasureTargetJob("t", target, 0.1, 10.0))
    return EvaluateSamplesJob(
        "s",
        target,
        Exact(),
        sampler,
        Centered(),
        (10.0, 3.0, 1.0, 0.1),
        seed=0,
        count=20,
        information=measured.payload,
        score_error=None,
        weighting=None,
        metrics={},
        bounds={},
    )
