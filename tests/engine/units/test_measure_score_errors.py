"""Measure score errors: one record for each network; a checkpoint that changed ends the run."""

import pytest
import torch
from harness_karras.networks import Mlp
from harness_synthetic.targets import Ring

from harness.blobs import Blob, BlobError, BlobFolder
from harness.engine.checkpoints import write_state
from harness.engine.curves import score_error_from_json
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.jobs import MeasureScoreErrorsJob, TrainedNetwork
from harness.engine.modules import initial_module
from harness.engine.units.measure_score_errors import measure_score_errors

NETWORK = Mlp(width=8, depth=1)


@pytest.fixture
def trained(tmp_path):
    """Write a network with a seed, one parameter of which may be spoiled; return where it lies."""

    def write(seed, spoiled=False):
        state = initial_module(NETWORK, Ring().distribution().data, seed).state_dict()
        if spoiled:
            state = {name: torch.full_like(value, torch.nan) for name, value in state.items()}
        blobs = BlobFolder(tmp_path)
        return TrainedNetwork(NETWORK, Blob(write_state(blobs, state), blobs))

    return write


def test_each_network_has_the_record_that_it_has_alone(trained):
    networks = (("a", trained(0)), ("n", trained(1, spoiled=True)), ("b", trained(2)))
    records = measure_score_errors(MeasureScoreErrorsJob(Ring(), networks, 0.1, 5.0))
    assert [(record.key, record.kind) for record in records] == [(key, "score error") for key in "anb"]
    assert [score_error_from_json(record.payload).finite for record in records] == [True, False, True]
    (alone,) = measure_score_errors(MeasureScoreErrorsJob(Ring(), networks[2:], 0.1, 5.0))
    assert alone.payload == records[2].payload


def test_a_checkpoint_that_changed_ends_the_run(trained):
    network = trained(0)
    path = network.blob.place.file(network.blob.sha256)
    path.write_bytes(path.read_bytes()[:-1])
    denoiser_from_checkpoint.cache_clear()  # the same content may have been read before, whole
    with pytest.raises(BlobError, match="damaged"):
        measure_score_errors(MeasureScoreErrorsJob(Ring(), (("a", network),), 0.1, 5.0))
