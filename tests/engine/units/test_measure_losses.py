"""Measure losses: of held-out part 1, one record for each network; of no law but that of data."""

import numpy as np
import pytest
import torch
from harness_data.targets import File
from harness_karras.networks import Mlp
from harness_synthetic.targets import Ring

from harness.blobs import Blob, BlobFolder
from harness.engine.checkpoints import write_state
from harness.engine.held_out_losses import loss_levels, losses_at
from harness.engine.jobs import MeasureLossesJob, TrainedNetwork
from harness.engine.laws import distribution
from harness.engine.modules import initial_module
from harness.engine.payloads import losses
from harness.engine.units.measure_losses import measure_losses
from harness.errors import NotApplicable

NETWORK = Mlp(width=8, depth=1)


@pytest.fixture
def rows(tmp_path):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(60, 3)))
    return File(path=str(tmp_path / "rows.npy"))


def trained(folder, target, seed, spoiled=False):
    state = initial_module(NETWORK, distribution(target).data, seed).state_dict()
    if spoiled:
        state = {name: torch.full_like(value, torch.nan) for name, value in state.items()}
    blobs = BlobFolder(folder)
    return TrainedNetwork(NETWORK, Blob(write_state(blobs, state), blobs))


def test_losses_are_of_the_points_that_no_metric_sees(rows):
    law = distribution(rows)
    calls = []

    def linear(x, sigma):
        calls.append(len(x))
        return 0.5 * x

    nothing, half = losses_at(law, [lambda x, sigma: 0 * x, linear], 0.1, 5.0)
    square = law.parts[1].square().sum(1).mean().item()
    np.testing.assert_allclose(nothing, square, rtol=1e-12)
    np.testing.assert_allclose(half, 0.25 * (square + 3 * loss_levels(0.1, 5.0) ** 2), rtol=0.1)
    # As many evaluations as of a score error, each point as often.
    assert set(calls) == {1024 // 12 * 12}
    assert len(calls) == 48


def test_each_network_has_the_record_that_it_has_alone(tmp_path, rows):
    networks = [("a", trained(tmp_path, rows, 0)), ("n", trained(tmp_path, rows, 1, spoiled=True))]
    first, second = measure_losses(MeasureLossesJob(rows, tuple(networks), 0.1, 5.0))
    assert (first.key, second.key) == ("a", "n")
    assert second.reason == "the network's output is not finite at sigma=0.1, so it has no held-out losses"
    (alone,) = measure_losses(MeasureLossesJob(rows, (networks[0],), 0.1, 5.0))
    assert alone.payload == first.payload
    curve = losses.from_json(first.payload)
    assert (curve.dim, len(curve.sigma)) == (3, 48)
    assert losses.to_json(curve) == first.payload


def test_a_law_that_is_no_data_is_its_own_population(tmp_path):
    job = MeasureLossesJob(Ring(), (("a", trained(tmp_path, Ring(), 0)),), 0.1, 5.0)
    with pytest.raises(NotApplicable, match="this target is itself the law that law=training reads"):
        measure_losses(job)
