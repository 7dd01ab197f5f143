"""Parsing, building and digests of components."""

import json
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from harness.components import (
    Component,
    ComponentError,
    build,
    digest,
    parse_request,
    request_from_table,
)


class Knob(Component):
    axis: ClassVar[str] = "noise_schedule"
    name: ClassVar[str] = "knob"
    rho: float = Field(7.0, gt=0)
    count: int = Field(3, ge=1)
    mode: str = "fast"
    levels: tuple[float, ...] = (1.0, 2.0)


names = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+){0,3}", fullmatch=True)
words = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True).filter(lambda w: w not in {"true", "false", "null"})
scalars = st.one_of(
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    words,
    st.lists(st.integers(-9, 9), max_size=3),
)
requests = st.dictionaries(words, st.lists(scalars, min_size=1, max_size=3), max_size=4)


def written(value):
    return value if isinstance(value, str) else json.dumps(value)


@given(names, requests)
def test_text_form_round_trips(name, values):
    text = name
    if values:
        text += ":" + ",".join(f"{k}={','.join(map(written, chosen))}" for k, chosen in values.items())
    request = parse_request(text)
    assert request.name == name
    assert request.values == {k: tuple(chosen) for k, chosen in values.items()}


@given(names, requests)
def test_text_and_table_mean_the_same(name, values):
    # In a table a list is several values, so a list-valued parameter is a list of lists.
    table = {"name": name} | {f"p_{k}": chosen for k, chosen in values.items()}
    text = name + ":" + ",".join(f"p_{k}={','.join(map(written, c))}" for k, c in values.items())
    assert request_from_table(table) == parse_request(text)


@given(requests)
def test_settings_are_the_product_of_the_values(values):
    expected = 1
    for chosen in values.values():
        expected *= len(chosen)
    text = "x:" + ",".join(f"{k}={','.join(map(written, c))}" for k, c in values.items())
    settings = parse_request(text).settings()
    assert len(settings) == expected
    assert all(set(each) == set(values) for each in settings)


@given(
    st.floats(1e-300, 1e300),
    st.integers(1, 10**9),
    st.text(),
    st.lists(st.floats(-1e9, 1e9), max_size=3).map(tuple),
)
def test_label_parses_back_to_the_component(rho, count, mode, levels):
    component = Knob(rho=rho, count=count, mode=mode, levels=levels)
    request = parse_request(component.label())
    assert [build(Knob, settings) for settings in request.settings()] == [component]


def test_label_shows_what_differs_from_the_defaults():
    assert Knob().label() == "knob"
    assert Knob(rho=7).label() == "knob"
    assert Knob(rho=3.5, mode="slow").label() == "knob:rho=3.5,mode=slow"
    assert Knob(levels=[1, 2.5]).label() == "knob:levels=[1.0,2.5]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no component"),
        (":rho=1", "names no component"),
        ("knob:7", "has no parameter"),
        ("knob:rho=1,rho=2", "gives 'rho' twice"),
        ('knob:rho="a,b', "is no text in quotes; close the quote, and write one within it as "),
        ('knob:rho=1,"a', "is no text in quotes; close the quote"),
        ('knob:rho="a:b="0.2""', '"a:b="0.2"" is no text in quotes; close the quote'),
    ],
)
def test_malformed_text_says_the_form(text, message):
    with pytest.raises(ComponentError, match=message) as raised:
        parse_request(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("table", [{}, {"name": 3}, {"name": "knob", "rho": []}])
def test_malformed_table_is_refused(table):
    with pytest.raises(ComponentError):
        request_from_table(table)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rh": 3}, "noise schedule 'knob' has no parameter 'rh'; did you mean rho?"),
        ({"rho": -1}, "rho=-1 is not valid: Input should be greater than 0"),
        ({"rho": "x"}, "rho='x' is not valid"),
        ({"rho": float("nan")}, "rho=nan is not valid"),
        ({"count": 1.5}, "count=1.5 is not valid"),
    ],
)
def test_bad_parameter_is_told_in_one_line(settings, message):
    with pytest.raises(ComponentError) as raised:
        build(Knob, settings)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.dictionaries(words, scalars, min_size=2, max_size=5))
def test_digest_ignores_the_order_of_a_table_and_nothing_else(values):
    backwards = dict(reversed(values.items()))
    assert digest(values) == digest(backwards)
    assert digest(values) != digest(values, 1)
    first = next(iter(values))
    assert digest(values) != digest(values | {first: "Changed"})
    assert len(digest(values)) == 32


def test_digest_refuses_what_json_cannot_say():
    with pytest.raises(ValueError, match="Out of range"):
        digest(float("nan"))


def test_components_are_frozen_and_hash_by_value():
    assert hash(Knob(rho=7)) == hash(Knob())
    assert len({Knob(), Knob(rho=7.0), Knob(rho=3)}) == 2
    with pytest.raises(ValueError, match="frozen"):
        Knob().rho = 3.0
