import json
import os
import subprocess
import sys

import pytest

from harness import arithmetic
from harness.running.tasks import Task
from harness.running.workers import workers

MODE = """
import json
{before}
import harness
from harness.arithmetic import mkl_mode, one_thread
one_thread()
import torch
torch.bmm(torch.ones(2, 40, 40), torch.ones(2, 40, 40))
print(json.dumps([mkl_mode(), torch.get_num_threads()]))
"""


def found(before="", **environment):
    given = {k: v for k, v in os.environ.items() if k != "MKL_CBWR"} | environment
    done = subprocess.run(
        [sys.executable, "-c", MODE.format(before=before)], capture_output=True, text=True, check=True, env=given
    )
    return json.loads(done.stdout)


needs_mkl = pytest.mark.skipif(arithmetic.mkl_mode() == "none", reason="this torch computes without MKL")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, "AUTO,STRICT"),
        ("", "AUTO,STRICT"),
        ("off", "AUTO,STRICT"),
        ("AVX2", "AVX2"),
        ("COMPATIBLE", "COMPATIBLE"),
    ],
)
def test_a_users_own_setting_is_kept_where_it_is_one(monkeypatch, given, kept):
    monkeypatch.delenv("MKL_CBWR", raising=False)
    if given is not None:
        monkeypatch.setenv("MKL_CBWR", given)
    arithmetic.fix()
    assert os.environ["MKL_CBWR"] == kept


@needs_mkl
class TestInForce:
    def test_whoever_imports_the_harness(self):
        assert found() == ["AUTO,STRICT", 1]

    def test_after_torch_was_imported(self):
        assert found("import torch") == ["AUTO,STRICT", 1]

    @pytest.mark.parametrize(("own", "mode"), [("COMPATIBLE", "COMPATIBLE"), ("OFF", "AUTO,STRICT")])
    def test_under_a_users_own(self, own, mode):
        assert found(MKL_CBWR=own)[0] == mode

    def test_too_late_is_seen(self):
        # Once MKL has computed, nothing can be asked of it: `harness.engine.adam.separable` trains alone what needs
        # it.
        assert found("import torch; torch.bmm(torch.ones(2, 40, 40), torch.ones(2, 40, 40))")[0] == "unset"

    def test_in_a_worker(self):
        with workers(1, "math:sqrt") as pool:
            (ended,) = pool.run([Task("root", 0, lambda: 4.0, 1.0, 60.0)])
        assert f"MKL {arithmetic.mkl_mode()}" in ended.arithmetic


def test_one_line_says_what_rounds():
    line = arithmetic.in_force()
    assert "\n" not in line
    assert [part.split()[0] for part in line.split("; ")][1:3] == ["torch", "MKL"]
    assert "openblas" in line.lower() or "mkl" in line.lower() or "accelerate" in line.lower()
