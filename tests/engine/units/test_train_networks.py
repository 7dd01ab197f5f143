"""Train networks: a record and a checkpoint for each network and length, a record for each trajectory."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_trainings import HIGH, LOW, RELU, TABLE, TARGET, Power, adam, descent

from harness import trajectories
from harness.blobs import Blob, BlobFolder
from harness.engine.courses import Course, Learner
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.jobs import MeasureScoreErrorsJob, TrainedNetwork, TrainNetworksJob
from harness.engine.units.measure_score_errors import measure_score_errors
from harness.engine.units.train_networks import train_networks
from harness.errors import DiskError
from harness.trainers import Recording


def job(folder, trainer, **changes):
    weighting = Power()
    density, omega = weighting.density(TABLE, 1.0).tolist(), weighting.omega(TABLE, 1.0).tolist()
    table = {"density": density, "omega": omega}
    learners = tuple(Learner(weighting, table, s, (f"{s}a", f"{s}b"), (f"{s}ta", f"{s}tb")) for s in (0, 1))
    course = Course(**({"target": TARGET, "network": RELU, "lengths": (2, 4), "recording": Recording()} | changes))
    return TrainNetworksJob(learners, course, trainer, BlobFolder(folder))


@pytest.mark.parametrize("trainer", [adam(batch_size=8), descent()])
def test_every_key_has_its_record(tmp_path, trainer):
    records = {record.key: record for record in train_networks(job(tmp_path, trainer))}
    kinds = {key: record.kind for key, record in records.items()}
    assert kinds == {f"{s}{n}": "network" for s in "01" for n in "ab"} | {
        f"{s}t{n}": "trajectory" for s in "01" for n in "ab"
    }
    for key in ("0a", "0b", "1a", "1b"):
        payload = records[key].payload
        assert BlobFolder(tmp_path).damage(payload["sha256"]) is None
        assert ("objective" in payload) == (trainer.objective == "fixed")
    assert trajectories.from_json(records["1tb"].payload).seed == 1
    # A network's score error is measured from its checkpoint.
    trained = TrainedNetwork(RELU, Blob(records["1b"].payload["sha256"], BlobFolder(tmp_path)))
    (measured,) = measure_score_errors(MeasureScoreErrorsJob(TARGET, (("e", trained),), LOW, HIGH))
    assert (measured.key, measured.kind) == ("e", "score error")
    sigma, law = measured.payload["sigma"][7], TARGET.distribution()
    x = law.sample(500, torch.Generator().manual_seed(0)) + sigma * torch.randn(500, 3, dtype=torch.float64)
    gap = (denoiser_from_checkpoint(trained, law.data)(x, sigma) - law.denoise(x, sigma)) / sigma
    mean = float(np.mean([row[7] for row in measured.payload["values"]]))
    assert mean == pytest.approx(float(gap.square().sum(1).mean()), rel=0.25)


def test_averages_have_a_record_each_and_share_what_was_recorded(tmp_path):
    alone = {record.key: record for record in train_networks(job(tmp_path, adam(batch_size=8, ema_decay=0.1)))}
    asked = job(tmp_path, adam(batch_size=8, ema_decay=(0.1, 0.0)))
    # Of the last average at the first length no row asks for a network.
    keys = ((each, (each.keys[0], None, each.keys[1], f"{each.seed}c")) for each in asked.learners)
    asked = replace(asked, learners=tuple(replace(each, keys=own) for each, own in keys))
    records = train_networks(asked)
    assert len(records) == len({record.key for record in records}) == 2 * (3 + 2)
    found = {record.key: record for record in records}
    assert {key: found[key].payload for key in alone} == {key: record.payload for key, record in alone.items()}
    assert found["0c"].payload["sha256"] != found["0b"].payload["sha256"]


def test_of_a_network_that_diverged_all_have_failed(tmp_path):
    records = {record.key: record for record in train_networks(job(tmp_path, descent(learning_rate=1e200)))}
    assert records["0b"].reason == records["0tb"].reason
    assert records["0b"].reason.startswith("training diverged: the loss was not finite at step ")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_cannot_be_written_ends_the_run(tmp_path):
    with pytest.raises(DiskError, match="cannot be written"):
        train_networks(job(tmp_path / "absent", adam(batch_size=8)))
