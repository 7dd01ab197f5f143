"""Components as a document names them, found by a label."""

from harness.registry.references import Reference
from harness.results.references import find


def test_find_reads_labels_back():
    def ring(modes, name="ring", distribution="a"):
        params = {"modes": modes, "path": "x,y"}
        return Reference(name=name, params=params, distribution=distribution, version="1", digest=str(modes))

    components = [ring(8), ring(4), ring(8, name="digits"), ring(2, distribution="b")]
    assert find("ring:modes=4", components) == [components[1]]
    assert find("ring:modes=8", components) == [components[0]]
    assert find("digits", components) == [components[2]]
    assert find("b/ring", components) == [components[3]]
    assert find("ring", components) == [components[0], components[1], components[3]]
    assert find("ring:modes=5", components) == []
    assert find("", components) == []


def test_find_falls_back_on_the_name_where_parameters_cannot_be_read_back():
    file = Reference(name="file", params={"path": "a,b.npy"}, distribution="a", version="1", digest="1")
    assert find("file:path=a,b.npy", [file]) == [file]
