"""`harness certify`: lines for eyes, JSON for programs, and an exit status."""

import json

from click.testing import CliRunner

from harness.cli import group
from harness.results.certificates import Certificates

WRONG = """
from harness.noise_schedules import NoiseSchedule

class Wrong(NoiseSchedule):
    name = "wrong"
    def sigma(self, t):
        return 2 * t
    def time(self, sigma):
        return sigma / 2
    def rate(self, t):
        return 0 * t + 1
"""


def run(*words):
    return CliRunner().invoke(group, ["certify", *words], standalone_mode=False)


def test_each_component_is_a_line():
    done = run("vp-linear", "weighting/eps")
    assert (done.exception, done.return_value) == (None, 0)
    first, second, last = done.stdout.splitlines()
    assert first.startswith("certified  noise schedule vp-linear  (")
    assert second.startswith("certified  weighting eps  (")
    assert last.startswith("2 of 2 certified in ")


def test_all_properties_are_shown_where_they_are_wanted():
    lines = run("vp-linear", "--properties").stdout.splitlines()
    assert len(lines) > 10
    assert lines[1].startswith("  pass       σ(time(σ)) = σ, by rounding: claimed 0 ± 1, measured ")


def test_what_fails_is_a_line_on_standard_error_and_exit_status_1(tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    done = run(str(tmp_path / "wrong.py"))
    assert done.return_value == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith("harness: noise schedule wrong: rate = dσ/dt, by 1e-7: claimed 0 ± 1, measured ")
    assert done.stdout.splitlines()[-1].startswith("0 of 1 certified")


def test_json_is_a_document():
    done = run("vp-linear", "--format", "json", "--seed", "3")
    found = Certificates.validate(json.loads(done.stdout))
    assert (found.passed, found.certificates[0].seed) == (True, 3)
