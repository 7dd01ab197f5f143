"""What units build on, and how work is divided."""

import pytest

from harness.planning.units import NotPossible, Stage, even_parts, require, require_record, trainable, unique
from harness.records import Record


def test_what_is_required_is_there_or_the_reason_is_told():
    records = {"good": Record("good", "grid", {"sigmas": [1.0]}), "bad": Record("bad", "grid", reason="no")}
    assert require(records.get, "good", "grid") == {"sigmas": [1.0]}
    assert require_record(records.get, "good", "grid") is records["good"]
    with pytest.raises(NotPossible, match=r"^grid: no$"):
        require(records.get, "bad", "grid")
    with pytest.raises(NotPossible, match=r"^grid: not computed$"):
        require(records.get, "absent", "grid")


@pytest.mark.parametrize(("count", "most", "sizes"), [(0, 4, []), (1, 4, [1]), (8, 4, [4, 4]), (9, 4, [3, 3, 3])])
def test_parts_are_few_and_even(count, most, sizes):
    parts = even_parts(list(range(count)), most)
    assert [len(part) for part in parts] == sizes
    assert [item for part in parts for item in part] == list(range(count))


def test_order_is_kept():
    assert unique([3, 1, 3, 2, 1]) == [3, 1, 2]


def test_an_oracle_is_not_trained(registry):
    assert trainable(registry.parse("network", "mlp")[0]).name == "mlp"
    with pytest.raises(TypeError, match="neither a TrainableNetwork nor an OracleNetwork"):
        trainable(registry.parse("target", "ring")[0])


def test_stages_have_names_for_the_bar():
    assert [stage.words for stage in Stage] == ["groundwork", "training", "score error", "sampling"]
