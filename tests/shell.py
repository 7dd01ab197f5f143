"""The command, as a shell calls it: in a process of its own, or in this one."""

import contextlib
import io
import os
import re
import subprocess
import sys

import pytest

from harness.cli import main

MAIN = [sys.executable, "-c", "from harness.cli import main; main()"]


def harness(*args, timeout=120, **environment):
    """Run the command, with settings of the environment."""
    env = {k: v for k, v in os.environ.items() if k != "HARNESS_PLUGINS"} | environment
    return subprocess.run([*MAIN, *map(str, args)], capture_output=True, text=True, env=env, timeout=timeout)


def called(*args):
    """Run the command in this process, which saves the start of another; the result is that of `harness`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(each) for each in args])
    return subprocess.CompletedProcess(args, ended.value.code, out.getvalue(), err.getvalue())


def assert_one_line(done, message, status=2):
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert re.fullmatch(r"harness: [^\n]+\n", done.stderr), done.stderr
    assert message in done.stderr
