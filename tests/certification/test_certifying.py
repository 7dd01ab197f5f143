"""Certificates: what they hold, who gets one, and what fails."""

import json
import os
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from harness_song.noise_schedules import VpLinear
from harness_song.samplers import Euler

from harness.axes import AXES, Axis
from harness.certification import certify, certify_all
from harness.certification.chosen import installed
from harness.certification.measurements import MODULES
from harness.components import Component, ComponentError
from harness.errors import HarnessError, NotApplicable
from harness.metrics import Metric
from harness.properties import Property
from harness.registry.registry import PluginInfo, Registry
from harness.results.certificates import Certificate, Certificates


def test_a_certificate_tells_what_was_claimed_and_measured(registry):
    found = certify("vp-linear", registry=registry)
    assert (found.component, found.axis, found.distribution) == ("vp-linear", "noise_schedule", "diffusion-harness")
    assert found.passed
    assert found.standing == "certified"
    assert found.digest == registry.reference(VpLinear()).digest
    derivative = next(each for each in found.properties if each.name.startswith("rate"))
    assert (derivative.claimed, derivative.verdict) == (0.0, "pass")
    assert abs(derivative.measured) <= derivative.tolerance
    again = Certificates.validate(json.loads(Certificates(harness="0", certificates=[found]).to_json()))
    assert again.certificates == [found]


def test_a_seed_draws_another_case(registry):
    cases = [certify("vp-linear", registry=registry, seed=seed) for seed in (0, 1, 1)]
    measured = [[each.measured for each in case.properties] for case in cases]
    assert measured[1] == measured[2] != measured[0]


def test_words_are_those_of_a_command_line(registry):
    assert certify("weighting/edm", registry=registry).axis == "weighting"
    assert certify("edm", axis="preconditioning", registry=registry).axis == "preconditioning"
    assert certify("diffusion-harness/heun", registry=registry).component == "heun"
    assert certify("ddim:eta=0.3", registry=registry).component == "ddim:eta=0.3"
    with pytest.raises(ComponentError, match="means 3 components; write weighting/edm or noise-schedule/edm or"):
        certify("edm", registry=registry)
    with pytest.raises(ComponentError, match="unknown component 'heunn'; did you mean heun"):
        certify("heunn", registry=registry)


def test_every_axis_of_the_harness_has_measurements():
    assert set(MODULES) == set(AXES)


def test_every_component_that_is_installed_is_chosen(registry):
    chosen = [(each.axis, each.label) for each in installed(registry)]
    assert chosen == [(axis, name) for axis in registry.axes for name in registry.classes(axis)]
    assert [*installed(registry, "no-such")] == []


class Raises(Euler):
    name = "raises"

    def step(self, run, x):
        raise RuntimeError("out of order")


def test_what_a_component_raises_fails_and_leaves_the_rest_alone(registry):
    found = certify(Raises(), registry=registry)
    assert not found.passed
    assert all("RuntimeError: out of order" in line for line in found.complaints())
    assert len(found.complaints()) == 4


class Another(Euler):
    """Of the name of one that is installed."""


def test_one_that_no_plugin_offers_is_called_by_its_own_name(registry):
    found = certify(Another(), registry=registry)
    assert (found.component, found.distribution, found.digest, found.passed) == ("euler", "", "", True)


def test_a_target_whose_file_is_gone_fails_and_ends_nothing(registry, tmp_path):
    found = certify(f"file:path={tmp_path / 'gone.npy'}", registry=registry)
    assert "its content can be read" in found.complaints()[0]


class Skips(Metric):
    name = "skips"

    def measure(self, experiment):
        return NotApplicable("to nothing")


def test_a_component_that_skips_everything_fails(registry):
    found = certify(Skips(), registry=registry)
    assert {each.verdict for each in found.properties} == {"unclaimed"}
    assert found.complaints() == ["metric skips: every property is skipped, or claims nothing"]


class Interferes(VpLinear):
    """Sets the precision of the process."""

    name = "interferes"

    def rate(self, t):
        torch.set_default_dtype(torch.float64)
        return super().rate(t)


def test_what_it_changes_of_the_process_is_put_back_and_told(registry):
    found = certify(Interferes(), registry=registry)
    assert torch.get_default_dtype() == torch.float32
    (changed,) = found.failures
    assert (changed.measured, changed.reason) == (1.0, "torch's default dtype")


class Tuning(Component):
    """The contract of an axis that a plugin registers."""

    axis: ClassVar[str] = "tuning"

    def own_properties(self, seed):
        return [Property("semitones of an octave", 12.0, self.semitones(), 0.0)]


class Well(Tuning):
    name = "well-tempered"

    def semitones(self):
        return 12.0


class Badly(Tuning):
    name = "badly-tempered"

    def semitones(self):
        return 11.0


def test_the_contract_of_a_new_axis_brings_its_properties():
    registry = Registry.from_classes([Well, Badly])
    found = certify_all(registry=registry)
    assert [(each.component, each.standing) for each in found.certificates] == [
        ("badly-tempered", "failed"),
        ("well-tempered", "certified"),
    ]
    assert not found.passed
    assert isinstance(registry.axes["tuning"], Axis)


class NeedsWords(Tuning):
    name = "needs-words"
    words: str

    def semitones(self):
        return 12.0


class HasAnExample(NeedsWords):
    name = "has-an-example"

    @classmethod
    def example(cls, folder):
        return cls(words=str(folder))


def test_one_that_needs_a_parameter_has_an_example_or_fails():
    registry = Registry.from_classes([NeedsWords, HasAnExample])
    assert "it can be made" in certify("needs-words", registry=registry).complaints()[0]
    assert certify("has-an-example", registry=registry).passed
    assert certify("needs-words:words=ut", registry=registry).passed


def test_a_plugin_that_cannot_be_loaded_fails():
    broken = PluginInfo("rude", "rude-plugin", "1", "failed", "ImportError: no module")
    found = certify_all(["rude-plugin"], registry=Registry([], [broken]))
    (made,) = found.certificates
    assert (made.axis, made.component) == ("plugin", "rude-plugin/rude")
    assert made.complaints() == [
        "plugin rude-plugin/rude: it can be loaded: claimed 1 ± 0, nothing measured (ImportError: no module)"
    ]


PYTHON = """
import torch
from harness.noise_schedules import NoiseSchedule

class Straight(NoiseSchedule):
    name = "straight"
    def sigma(self, t):
        return {sigma}
    def time(self, sigma):
        return sigma / 2
    def rate(self, t):
        return torch.full_like(t, 2.0)
"""


def test_a_file_of_python_is_certified(tmp_path, registry):
    file = tmp_path / "straight.py"
    file.write_text(PYTHON.format(sigma="2 * t"), encoding="utf-8")
    (made,) = certify_all([str(file)], registry=registry).certificates
    assert (made.component, made.standing) == ("straight", "certified")
    saved = file.stat()
    file.write_text(PYTHON.format(sigma="3 * t"), encoding="utf-8")
    os.utime(file, ns=(saved.st_atime_ns, saved.st_mtime_ns))  # saved twice within one tick of the clock of files
    assert not certify_all([str(file)], registry=registry).passed
    file.write_text(PYTHON.replace('"straight"', '"Not A Name"').format(sigma="2 * t"), encoding="utf-8")
    (made,) = certify_all([str(file)], registry=registry).certificates
    assert "a name is lower-case words joined by hyphens" in made.complaints()[0]


MISTAKES = {
    "nothing.py": ("x = 1", "defines no component"),
    "breaks.py": ("1 / 0", "cannot be imported: ZeroDivisionError"),
    "leaves.py": ("raise SystemExit(7)", "cannot be imported: SystemExit"),
    "none.toml": (None, "no such file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_file_that_means_nothing_is_told(tmp_path, registry, name):
    content, rule = MISTAKES[name]
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(HarnessError, match=rule):
        certify_all([str(tmp_path / name)], registry=registry)


def test_a_suite_means_its_components(tmp_path, registry):
    file = tmp_path / "small.toml"
    file.write_text(
        'name = "small"\ntargets = ["gaussian"]\nnetworks = ["exact"]\nsamplers = ["euler"]\n'
        'noise_schedules = ["edm"]\ntime_discretizations = ["polynomial:rho=5"]\n'
        'metrics = ["kl"]\nrank_by = "kl"\nsteps = [4]\nseeds = [0]\n',
        encoding="utf-8",
    )
    found = certify_all([str(file)], registry=registry)
    assert {each.component for each in found.certificates} >= {"gaussian", "exact", "euler", "polynomial:rho=5", "kl"}
    assert found.passed


@pytest.mark.parametrize(
    ("measured", "claimed", "verdict"), [(1.0, 1.0, "pass"), (1.5, 1.0, "fail"), (1.5, None, "unclaimed")]
)
def test_verdicts(measured, claimed, verdict):
    assert Property("order", claimed, measured, 0.1).verdict == verdict
    assert Property("order", claimed, None, 0.1).verdict == ("unclaimed" if claimed is None else "fail")


def test_what_is_not_finite_is_told_in_words(registry):
    made = certify("vp-linear", registry=registry)
    wrong = made.properties[0].of(Property("order", 1.0, float("inf"), 0.1))
    assert (wrong.measured, wrong.verdict, wrong.reason) == (None, "fail", "measured inf")
    assert isinstance(made, Certificate)
    assert not made.model_copy(update={"properties": [wrong]}).passed
    assert replace(Property("order", 1.0, 1.0, 0.1), measured=None).verdict == "fail"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_every_component_that_is_installed_is_certified_by_every_seed(registry, seed):
    # What does not hold of other projects' libraries is told one by one in tests/plugins.
    words = [f"{axis}/{n}" for axis in registry.axes for n, c in registry.classes(axis).items() if c.library is None]
    found = certify_all(words, seed=seed, registry=registry)
    assert len(found.certificates) == len(words) > 130
    assert [line for each in found.certificates for line in each.complaints()] == []
