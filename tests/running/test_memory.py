"""Freed blocks are used again, not fetched anew from the system."""

import ctypes
import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import torch
from harness.running.memory import keep_freed_memory
torch.set_num_threads(1)
if sys.argv[1] == "keep":
    assert keep_freed_memory()
blocks = [torch.nn.Sequential(torch.nn.Linear(128, 128), torch.nn.SiLU()) for _ in range(3)]
layers = torch.nn.Sequential(*blocks)
def work():
    x = torch.zeros(4096, 128)
    with torch.no_grad():
        for _ in range(10):
            x = 0.5 * x + 0.5 * layers(x)
for _ in range(2):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(mode):
    # glibc raises its threshold with the largest block that was freed, so that it depends on the buffers of a kernel
    # where it ends; held at where it starts, every large block comes from the system unless it is told otherwise.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(128 << 10), "MALLOC_TRIM_THRESHOLD_": str(128 << 10)}
    command = [sys.executable, "-c", SCRIPT, mode]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(result.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="the C library is not glibc")
def test_freed_blocks_are_kept():
    fetched, kept = page_faults("default"), page_faults("keep")
    assert fetched > 5000  # a layer's output has 512 pages
    assert kept < fetched / 10
