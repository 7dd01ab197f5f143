"""Settings of a process: each that is changed is named, and is put back."""

import math
import os
import random

import numpy as np
import pytest
import torch

from harness.registry import process_state

CHANGES = {
    "the working directory": lambda: os.chdir("/"),
    "the environment": lambda: os.environ.update(SOME="thing"),
    "Python's random state": lambda: random.seed(3),
    "numpy's random state": lambda: np.random.seed(3),
    "numpy's error state": lambda: np.seterr(all="ignore"),
    "torch's default device": lambda: torch.set_default_device("meta"),
    "torch's default dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch's gradient mode": lambda: torch.set_grad_enabled(False),
    "torch's number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "torch's random state": lambda: torch.rand(()),
    "torch's deterministic flags": lambda: torch.use_deterministic_algorithms(True),
    "torch's precision of products": lambda: torch.set_float32_matmul_precision("medium"),
    "torch's precision of convolutions": lambda: setattr(
        torch.backends.cudnn, "allow_tf32", not torch.backends.cudnn.allow_tf32
    ),
}


def test_all_are_tried():
    assert list(CHANGES) == list(process_state.SETTINGS)


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_is_named_and_put_back(what):
    before = process_state.read()
    assert process_state.put_back(before) == []
    CHANGES[what]()
    # To be deterministic torch sets a variable of the environment, too.
    assert what in process_state.put_back(before)
    assert process_state.read() == before


def test_what_torch_itself_puts_into_the_environment_is_no_change_of_whoever_uses_it(monkeypatch):
    """`torch.optim.Adam` does, when the first is made in a process."""
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    before = process_state.read()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "somewhere")
    assert process_state.put_back(before) == []
    monkeypatch.setenv("OTHER", "thing")
    assert process_state.put_back(before) == ["the environment"]
    assert "OTHER" not in os.environ


def test_a_library_that_is_imported_meanwhile_is_set_as_it_is_when_imported():
    before = {what: value for what, value in process_state.read().items() if not what.startswith("torch")}
    threads = torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    assert process_state.put_back(before) == ["torch's default dtype"]
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads


def test_a_patched_function_is_named_and_put_back_and_what_is_new_stays(monkeypatch):
    from harness import targets
    from harness.results.statistics import kendall

    for holder in (np, np.linalg, math, kendall, targets.Target):
        monkeypatch.setattr(holder, "something_new", 1, raising=False)
    before = process_state.functions()
    assert process_state.put_functions_back(before) == []
    places = {
        "numpy.mean": np,
        "numpy.linalg.svd": np.linalg,
        "math.log": math,
        "harness.results.statistics.kendall.kendall": kendall,
        "harness.targets.Target.located": targets.Target,
    }
    kept = {place: getattr(holder, place.rpartition(".")[2]) for place, holder in places.items()}
    for place, holder in places.items():
        setattr(holder, place.rpartition(".")[2], lambda *args: 7.0)
    np.newer = 2
    assert set(process_state.put_functions_back(before)) == set(places)
    assert {place: getattr(holder, place.rpartition(".")[2]) for place, holder in places.items()} == kept
    assert np.newer == 2
    del np.newer
