"""The plugin of pytest: certificates as tests of whoever writes a package, in processes of pytest of their own."""

import os
import re
import subprocess
import sys

import pytest
from distributions import write_distribution
from harness_pytest.properties import certificates

RIGHT = '''
from harness import hookimpl
from harness.noise_schedules import NoiseSchedule

class Power(NoiseSchedule):
    """σ = t²."""

    name = "acme-power"

    def sigma(self, t):
        return t**2

    def time(self, sigma):
        return sigma**0.5

    def rate(self, t):
        return 2 * t

@hookimpl
def harness_noise_schedules():
    return [Power]
'''

PARTS = {
    "right": RIGHT,
    "wrong": RIGHT.replace("2 * t", "3 * t").replace("acme-power", "acme-wrong"),
    "skipping": '''
from harness import hookimpl
from harness.errors import NotApplicable
from harness.noise_schedules import NoiseSchedule

class Shy(NoiseSchedule):
    """Applies to nothing."""

    name = "acme-shy"

    def sigma(self, t):
        raise NotApplicable("made for nothing")

    time = rate = sigma

@hookimpl
def harness_noise_schedules():
    return [Shy]
''',
    "unimportable": "raise ImportError('there is no such thing')",
}

OWN = "def test_of_its_own():\n    assert 1 + 1 == 2\n"


@pytest.fixture
def repository(tmp_path):
    """Make a repository with an installed distribution of such modules; what is set up in its file of settings."""

    def make(*parts, setting=""):
        site, folder = tmp_path / "site", tmp_path / "repository"
        entries = {part: f"acme_{part}" for part in parts}
        write_distribution(site, "acme", {"harness": entries})
        for part in parts:
            (site / f"acme_{part}.py").write_text(PARTS[part])
        (folder / "tests").mkdir(parents=True)
        (folder / "tests" / "test_own.py").write_text(OWN)
        (folder / "pytest.ini").write_text(f"[pytest]\ntestpaths = tests\n{setting}\n")

        def run(*words):
            command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
            env = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "400"}  # pytest shortens lines
            return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)

        return run

    return make


def outcomes(text):
    """How many tests passed, failed and were skipped, by the last line."""
    return {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped)", text.splitlines()[-1])}


@pytest.mark.slow
def test_each_property_of_a_right_component_is_a_test_that_passes(repository):
    run = repository("right", setting="harness_certify = acme")
    done = run("-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "certificates: acme\n" in done.stdout
    names = re.findall(r"^certificate of noise schedule acme-power::(.+?) PASSED", done.stdout, re.M)
    from harness.certification import certify
    from harness.noise_schedules import NoiseSchedule

    class Power(NoiseSchedule):
        """The same."""

        name = "acme-power"

        def sigma(self, t):
            return t**2

        def time(self, sigma):
            return sigma**0.5

        def rate(self, t):
            return 2 * t

    wanted = [each.name for each in certify(Power()).properties]
    assert len(wanted) >= 4
    assert names == [*wanted, "something is measured that it claims"]
    assert f"collected {len(names) + 1} items" in done.stdout
    assert outcomes(done.stdout) == {"passed": len(names) + 1}
    # Single tests go without; that is told, and asked for they are there.
    one = run("tests/test_own.py")
    assert outcomes(one.stdout) == {"passed": 1}
    assert "certificates left out, since tests are named (--certify has them): acme" in one.stdout
    both = run("tests/test_own.py", *["--certify", "acme"] * 2, "-m", "not certificate", "--strict-markers")
    assert f"1 passed, {len(names)} deselected" in both.stdout


@pytest.mark.slow
def test_several_workers_of_pytest_do_them_each_once(repository):
    run = repository("right")
    alone, shared = (outcomes(run("--certify", "acme", *words).stdout) for words in ((), ("-n", "2")))
    assert alone == shared
    assert alone["passed"] > 5


def test_what_is_wrong_skips_everything_or_cannot_be_imported_fails(repository):
    done = repository("right", "wrong", "skipping", "unimportable")("--certify", "acme", "-rsf")
    assert done.returncode == 1
    failed = re.findall(r"^FAILED (certificate of .+?) - (.+)$", done.stdout, re.M)
    where = {place.partition("::")[0]: reason for place, reason in failed}
    assert set(where) == {
        "certificate of noise schedule acme-wrong",
        "certificate of noise schedule acme-shy",
        "certificate of plugin acme/unimportable",
    }
    assert re.search(r"claimed 1 ± \S+, measured 1\.5$", where["certificate of noise schedule acme-wrong"])
    assert "every property is skipped, or claims nothing" in where["certificate of noise schedule acme-shy"]
    assert "made for nothing" in where["certificate of noise schedule acme-shy"]
    assert "there is no such thing" in where["certificate of plugin acme/unimportable"]
    assert "Traceback" not in done.stdout
    assert "properties.py" not in done.stdout
    assert re.search(r"^SKIPPED \[1\] certificate of noise schedule acme-shy.*made for nothing", done.stdout, re.M)


WHERE = "no distribution of this name that offers components is installed here, and as a component"


def test_a_word_that_means_nothing_is_one_line(repository):
    done = repository("right")("--certify", "acme-pouwer")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = [each for each in done.stderr.splitlines() if each]
    wanted = f"--certify acme-pouwer: {WHERE}: unknown component 'acme-pouwer'; did you mean acme-power"
    assert line.startswith(f"ERROR: {wanted}")
    assert len(line) <= 300 + len("ERROR: ")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nothing-of-this-name", "unknown component 'nothing-of-this-name'; "),
        ("missing.toml", "missing.toml: no such file"),
    ],
)
def test_so_is_any_other(word, message):
    with pytest.raises(pytest.UsageError) as told:
        certificates(None, word)
    line = str(told.value)
    assert line.startswith(f"--certify {word}: {WHERE}: {message}")
    assert "\n" not in line
    assert len(line) <= 300


def test_a_distribution_that_offers_nothing_is_refused(repository, monkeypatch):
    monkeypatch.setitem(PARTS, "empty", "")
    done = repository("empty")("--certify", "acme")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.strip() == "ERROR: --certify acme: it offers no component"


def test_a_run_without_certificates_imports_nothing_of_the_harness(repository, tmp_path, monkeypatch):
    monkeypatch.delenv("MKL_CBWR", raising=False)  # another test of this process may have imported the harness
    run = repository()
    loaded = "def test_modules():\n    import sys\n    assert 'harness_pytest' in sys.modules\n"
    loaded += (
        "    assert not {'harness', 'harness_pytest.properties', 'torch', 'numpy', 'pydantic'} & set(sys.modules)\n"
    )
    loaded += "    import os\n    assert 'MKL_CBWR' not in os.environ\n"
    (tmp_path / "repository" / "tests" / "test_modules.py").write_text(loaded)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_modules.py"]
    done = subprocess.run(command, cwd=tmp_path / "repository", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "certificates" not in run("tests").stdout
