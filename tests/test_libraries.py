"""Libraries: what runs another project's code is known without it, and says what it needs where it is asked for."""

import json
from typing import ClassVar

import pytest

from harness.axes import AXES
from harness.components import ComponentError, build
from harness.errors import HarnessError
from harness.libraries import Library
from harness.registry import discovery
from harness.registry.discovery import PluginError
from harness.registry.provenance import stranger, strangers
from harness.registry.registry import Registry
from harness.samplers import Sampler

PRESENT = Library("pluggy", "pip install pluggy")
ABSENT = Library("no-such-library", "pip install 'diffusion-harness[no-such]'")


class Present(Sampler):
    """Runs a library that is installed."""

    name: ClassVar[str] = "present"
    library: ClassVar[Library | None] = PRESENT

    def step(self, run, x):
        return x


class Absent(Present):
    """Runs one that is not."""

    name: ClassVar[str] = "absent"
    library: ClassVar[Library | None] = ABSENT


@pytest.fixture
def both():
    return Registry.from_classes([Present, Absent])


def test_what_is_absent_is_told_where_it_is_asked_for(both):
    assert list(both.classes("sampler")) == ["absent", "present"]
    assert both.parse("sampler", "present") == [Present()]
    with pytest.raises(ComponentError) as caught:
        both.parse("sampler", "absent")
    assert str(caught.value) == (
        "sampler 'absent' needs no-such-library, which is not installed: pip install 'diffusion-harness[no-such]'"
    )


def test_results_of_what_is_absent_cannot_be_continued(both):
    with pytest.raises(ComponentError, match="needs no-such-library"):
        both.remake("sampler", both.reference(Absent()))


def test_the_version_stands_in_its_keys(both, monkeypatch):
    before = both.reference(Present()).digest
    assert both.provenance(Present).dependencies == (("pluggy", PRESENT.version()),)
    monkeypatch.setattr(Library, "version", lambda _: "99")
    assert Registry.from_classes([Present]).reference(Present()).digest != before


def test_its_modules_are_imported_or_the_reason_is_told(monkeypatch):
    assert PRESENT.module("pluggy").__name__ == "pluggy"
    with pytest.raises(HarnessError, match="needs no-such-library, which is not installed"):
        ABSENT.module("no_such")
    with pytest.raises(HarnessError, match=r"pluggy .* is installed, and pluggy\.nothing does not import"):
        PRESENT.module("pluggy.nothing")


class Misnamed(Present):
    """Names a library by a word alone."""

    name: ClassVar[str] = "misnamed"
    library: ClassVar = "pluggy"


def test_a_library_that_is_a_word_is_refused_as_the_plugin_is_loaded():
    with pytest.raises(
        PluginError, match=r"misnamed has library 'pluggy'; it is a harness\.libraries\.Library, or None"
    ):
        discovery.check_class(AXES["sampler"], Misnamed)
    discovery.check_class(AXES["sampler"], Present)


def test_units_of_our_own_plugins_that_run_a_library_are_a_strangers(registry):
    heun, theirs = registry.find("sampler", "heun"), registry.find("sampler", "diffusers-heun")
    assert (stranger(heun), stranger(theirs)) == (None, "diffusers")
    assert strangers([build(heun, {})]) == frozenset()
    assert strangers([build(heun, {}), build(theirs, {})]) == {"diffusers"}


def test_keys_of_what_runs_none_have_no_library(registry):
    assert registry.provenance(registry.find("sampler", "heun")).dependencies == ()


@pytest.mark.parametrize("form", ["table", "json"])
def test_show_tells_the_library(form, capsys, monkeypatch):
    from harness.cli import main

    monkeypatch.setattr(Library, "version", lambda _: None)
    with pytest.raises(SystemExit) as ended:
        main(["show", "diffusers-heun", "--format", form])
    assert not ended.value.code
    out = capsys.readouterr().out
    install = "pip install 'diffusion-harness[diffusers]'"
    if form == "json":
        known = json.loads(out)["components"][0]["library"]
        assert known == {"name": "diffusers", "version": None, "install": install}
    else:
        assert f"diffusers is not installed: {install}" in " ".join(out.split())
