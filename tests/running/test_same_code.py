"""Same code: what differs between two installations is named."""

from importlib import metadata

from harness.arithmetic import LIBRARIES
from harness.running.same_code import code_here, differing


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
