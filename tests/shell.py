"""The command in a process of its own, as a shell calls it."""

import os
import re
import subprocess
import sys

MAIN = [sys.executable, "-c", "from harness.cli import main; main()"]


def harness(*args, timeout=120, **environment):
    """Run the command, with settings of the environment."""
    env = {k: v for k, v in os.environ.items() if k != "HARNESS_PLUGINS"} | environment
    return subprocess.run([*MAIN, *map(str, args)], capture_output=True, text=True, env=env, timeout=timeout)


def assert_one_line(done, message, status=2):
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert re.fullmatch(r"harness: [^\n]+\n", done.stderr), done.stderr
    assert message in done.stderr
