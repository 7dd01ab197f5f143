"""Ray worker: what it reads came with the task, or lies there with the same content; what it writes goes back."""

import io
import pickle
import platform

import numpy as np
import pytest
from harness_data.targets import File
from made_trainings import HIGH, LOW, RELU, TABLE, TARGET, Power, adam

from harness.blobs import Blob, BlobError, BlobFolder, digest_of
from harness.engine import worker
from harness.engine.courses import Course, Learner
from harness.engine.jobs import MeasureScoreErrorsJob, MeasureTargetJob, TrainedNetwork, TrainNetworksJob
from harness.errors import DiskError
from harness.running import ray_cluster
from harness.running.ray_worker import do

WORK = "harness.engine.worker:work"


def sent(job):
    """What comes back of a job that is sent as to a cluster, with the blobs that it reads."""
    parcel, place = ray_cluster._packed(job)
    blobs = {blob.sha256: blob.read() for blob in parcel.blobs}
    return do(WORK, parcel.content, parcel.files, bool(parcel.strangers), blobs), parcel, place


def here(job):
    """The records of a job that is done here, beside the folder that it names."""
    return worker.work(job)


@pytest.fixture
def training(tmp_path):
    table = {"density": Power().density(TABLE, 1.0).tolist(), "omega": Power().omega(TABLE, 1.0).tolist()}
    learner = Learner(Power(), table, 0, ("short", "long"))
    folder = BlobFolder(tmp_path / "on this machine alone")
    return TrainNetworksJob((learner,), Course(TARGET, RELU, (2, 4), None), adam(batch_size=8), folder), folder


def test_a_network_that_was_trained_elsewhere_is_the_one_that_is_trained_here(training, tmp_path):
    job, folder = training
    delivery, parcel, place = sent(job)
    assert (parcel.blobs, place) == ((), folder)
    # Not a word of where the parent keeps what it has.
    assert b"this machine" not in parcel.content
    records = delivery.done.value
    assert [record.payload["sha256"] for record in records] == list(delivery.written)
    folder.path.mkdir()
    again = here(job)
    assert [record.payload for record in again] == [record.payload for record in records]


def test_a_network_travels_to_where_it_is_measured(training):
    job, folder = training
    folder.path.mkdir()
    written = [record.payload["sha256"] for record in here(job)]
    measure = MeasureScoreErrorsJob(TARGET, (("e", TrainedNetwork(RELU, Blob(written[1], folder))),), LOW, HIGH)
    delivery, parcel, _ = sent(measure)
    assert [blob.sha256 for blob in parcel.blobs] == written[1:]
    assert delivery.written == {}
    assert delivery.done.value[0].payload == here(measure)[0].payload


def test_a_blob_that_did_not_arrive_whole_ends_the_run(training):
    from harness.engine.denoisers import denoiser_from_checkpoint

    _, folder = training
    folder.path.mkdir()
    sha256 = folder.write(b"weights")
    denoiser_from_checkpoint.cache_clear()
    measure = MeasureScoreErrorsJob(TARGET, (("e", TrainedNetwork(RELU, Blob(sha256, folder))),), LOW, HIGH)
    parcel, _ = ray_cluster._packed(measure)
    for carried in ({}, {sha256: b"weightz"}):
        with pytest.raises(BlobError, match="did not arrive whole"):
            do(WORK, parcel.content, parcel.files, False, carried)


def test_a_file_that_is_another_on_the_node_ends_the_run(tmp_path):
    # Its numbers would be kept under the key of the parent's.
    path = tmp_path / "points.npy"
    np.save(path, np.random.RandomState(0).randn(50, 2))
    job = MeasureTargetJob("k", File(path=str(path)), LOW, HIGH)
    delivery, parcel, _ = sent(job)
    assert delivery.done.reason is None
    np.save(path, np.random.RandomState(1).randn(60, 2))
    line = f"on node {platform.node()} target file:path=.* reads another content than here"
    with pytest.raises(DiskError, match=line):
        do(WORK, parcel.content, parcel.files, False, {})
    path.unlink()
    with pytest.raises(DiskError, match=f"on node {platform.node()}: .*points.npy.* the file must lie there too"):
        do(WORK, parcel.content, parcel.files, False, {})


def test_a_failure_there_has_its_reason_and_traceback():
    delivery = do("math:sqrt", pickle.dumps(-1.0), pickle.dumps([]), False, {})
    assert delivery.done.value is None
    assert delivery.done.reason.startswith("ValueError: ")
    assert delivery.done.traceback.startswith("Traceback")


def test_nothing_but_its_blobs_stands_for_something_else():
    file = io.BytesIO()

    class Other(pickle.Pickler):
        def persistent_id(self, obj):
            return "other" if obj == 1.0 else None

    Other(file).dump(1.0)
    delivery = do("math:sqrt", file.getvalue(), pickle.dumps([]), False, {digest_of(b""): b""})
    assert "UnpicklingError: 'other' is nothing that is known on every machine" in delivery.done.reason
