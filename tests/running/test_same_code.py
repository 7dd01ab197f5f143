"""Same code: what differs between two installations is named."""

from importlib import metadata

from harness.arithmetic import LIBRARIES
from harness.libraries import Library
from harness.registry.discovery import load
from harness.running.same_code import ABSENT, code_here, differing


def test_it_names_each_library_and_each_plugin():
    found = code_here()
    assert {name: found[name] for name in LIBRARIES} == {name: metadata.version(name) for name in LIBRARIES}
    assert {"harness", "harness_karras", "harness_claims"} <= set(found)
    assert len({found["harness"], found["harness_karras"], found["harness_claims"]}) == 3
    assert all(found.values())


def test_what_is_another_or_missing_there_differs_and_what_is_there_besides_does_not():
    here = {"torch": "2.7", "harness": "a", "acme": "b"}
    assert differing(here, here | {"more": "c"}) == []
    assert differing(here, {"torch": "2.8", "harness": "a"}) == ["acme", "torch"]


def test_libraries_that_components_run_are_compared(monkeypatch):
    registry = load()
    run = {cls.library for axis in registry.axes for cls in registry.classes(axis).values()} - {None}
    assert {"diffusers", "azula"} <= {library.distribution for library in run}
    monkeypatch.setattr(Library, "version", lambda library: f"{library.distribution} 1")
    here = code_here()
    assert all(here[library.distribution] == f"{library.distribution} 1" for library in run)
    monkeypatch.setattr(Library, "version", lambda library: "2" if library.distribution == "azula" else None)
    there = code_here()
    assert (there["azula"], there["diffusers"]) == ("2", ABSENT)
    # Another version would make other numbers; without the library a row fails there that would not fail here.
    assert differing(here, there) == ["azula", "diffusers"]
    # What no row runs here, as it is absent, does no harm there.
    assert differing(there, here) == ["azula"]
