import pickle
import sys

import pytest
import torch

from harness.arithmetic import in_force
from harness.blobs import BlobError, BlobFolder
from harness.engine.shortage import IN_PARTS, Together, with_less
from harness.errors import DiskError, NotApplicable
from harness.running.tasks import Task, packed, parcel_or_end, timed

LATE = """
import torch
torch.set_default_dtype(torch.float64)

class Thing:
    pass
"""


def test_what_an_import_changes_is_put_back_before_the_first_task(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "acme_late.py").write_text(LATE)
    (tmp_path / "acme_caller.py").write_text(
        "def seen(argument):\n    import torch\n    return str(torch.get_default_dtype())"
    )
    try:
        # What a worker is sent: a name that it imports when it unpickles it.
        content = b"cacme_late\nThing\n."
        first, second = (timed("acme_caller:seen", content, True) for _ in range(2))
    finally:
        torch.set_default_dtype(torch.float32)
        for name in ("acme_late", "acme_caller"):
            sys.modules.pop(name, None)
    assert (first.value, first.reason) == ("torch.float32", None)
    assert first.changed == ("torch's default dtype",)
    assert (second.value, second.changed) == ("torch.float32", ())


class Unsent:
    """What raises where it says how it is sent."""

    def __init__(self, error):
        self.error = error

    def __reduce__(self):
        raise self.error


def task(argument):
    return Task("one", 0, lambda: argument, 1.0, 60.0)


def test_what_says_while_it_is_sent_that_it_does_not_apply_has_not_failed():
    ended = parcel_or_end(task(Unsent(NotApplicable("it is for images"))), packed)
    assert (ended.reason, ended.applicable, ended.traceback) == ("it is for images", False, "")
    failed = parcel_or_end(task(Unsent(ValueError("no"))), packed)
    assert failed.applicable
    assert failed.reason.startswith("ValueError: no")


def a_disk_is_full(argument):
    raise DiskError("no room")


def a_checkpoint_is_read(folder):
    return BlobFolder(folder).read("0")


def test_only_the_harness_itself_says_that_a_disk_ends_the_run(tmp_path):
    """What foreign code raises in its name is a failure of that code."""
    mine = timed(f"{__name__}:a_disk_is_full", pickle.dumps(0), True)
    assert (mine.value, mine.reason, mine.applicable) == (None, "no room", True)
    assert "a_disk_is_full" in mine.traceback
    for watched in (False, True):
        with pytest.raises(BlobError, match="is missing"):
            timed(f"{__name__}:a_checkpoint_is_read", pickle.dumps(tmp_path), watched)


def run_short(most):
    def attempt(size):
        if size.networks * size.points > most:
            raise MemoryError
        return size

    return with_less(attempt, Together(2, 64))[0]


def test_it_says_where_memory_ran_out_and_whether_points_were_computed_in_parts():
    fewer, parts, enough, none = (
        timed(f"{__name__}:run_short", pickle.dumps(most), False) for most in (64, 40, 128, 0)
    )
    assert [done.value for done in (fewer, parts, enough, none)] == [(1, 64), (1, 32), (2, 64), None]
    told = "memory ran out with 2 networks of 64 points at once; it goes on with 1 network of"
    assert [done.shortages for done in (fewer, parts, enough, none)] == [
        (f"{told} 64 points",),
        (f"{told} 32 points",),
        (),
        (),
    ]
    ordinary = in_force()
    assert [done.arithmetic for done in (fewer, enough, none)] == [ordinary] * 3
    assert parts.arithmetic == f"{ordinary}; {IN_PARTS}"
    assert none.reason.startswith("MemoryError: memory ran out with 2 networks of 64 points at once, and with less")
