"""Numbers are shown with the digits that their uncertainty carries."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.views.digits import counted, duration, number, span, with_interval


def test_a_value_is_rounded_where_its_uncertainty_begins():
    assert with_interval(0.123456, 0.113456, 0.133456) == "0.123 ± 0.010"
    assert with_interval(12.3456, 12.0, 12.6912) == "12.35 ± 0.35"
    assert with_interval(1234.5, 1134.5, 1334.5) == "1234 ± 100"
    assert with_interval(-0.02, -0.05, 0.01) == "-0.020 ± 0.030"


def test_rounding_up_to_a_power_of_ten_does_not_add_a_digit():
    assert with_interval(0.0123, 0.0123 - 0.00099999, 0.0123 + 0.00099999) == "0.0123 ± 0.0010"
    assert number(0.99999) == "1.00"


def test_a_lopsided_interval_shows_both_ends():
    assert with_interval(0.5, 0.48, 0.6) == "0.500 (0.480–0.600)"


def test_small_and_large_values_share_a_power_of_ten():
    assert with_interval(1.234e-5, 1.114e-5, 1.354e-5) == "(1.23 ± 0.12)e-05"
    assert with_interval(2.5e7, 2.4e7, 2.6e7) == "(2.50 ± 0.10)e+07"


def test_without_an_interval_or_with_an_exact_one():
    assert with_interval(0.123456789, None, None) == "0.123"
    assert with_interval(0.123456789, 0.123456789, 0.123456789) == "0.123457"
    assert with_interval(0.0, 0.0, 0.0) == "0"


def test_numbers_and_spans():
    assert [number(x) for x in (0, 1, 25.13, 0.001234, 0.0001234, 123456.0, -3.14159)] == [
        "0", "1.00", "25.1", "0.00123", "1.23e-04", "1.23e+05", "-3.14"]  # fmt: skip
    assert span(0.61, 0.5, 0.7) == "0.61 (0.50–0.70)"
    assert span(None, None, None) == "n/a"


@given(st.floats(-1e8, 1e8), st.floats(1e-9, 1e8))
def test_what_is_shown_is_within_a_tenth_of_the_uncertainty(value, half):
    text = with_interval(value, value - half, value + half)
    match = re.fullmatch(r"\(?(-?[\d.]+) ± ([\d.]+)\)?(?:e([+-]\d+))?", text)
    if match is None:  # too narrow for an interval to show beside so large a value
        assert half <= 1e-6 * (abs(value) + half) * 1.001
        return
    scale = 10.0 ** int(match[3] or 0)
    assert abs(float(match[1]) * scale - value) <= 0.051 * half + 1e-9 * abs(value)
    assert abs(float(match[2]) * scale - half) <= 0.051 * half + 1e-9 * abs(value)


def test_one_is_singular():
    assert [counted(n, "combination") for n in (0, 1, 2)] == ["0 combinations", "1 combination", "2 combinations"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "under 1 s"), (0.4, "under 1 s"), (1, "1 s"), (59.4, "59 s"), (59.6, "1 min"), (200, "3 min 20 s"),
        (599, "9 min 59 s"), (600, "10 min"), (3569, "59 min"), (3571, "1 h"), (14580, "4 h 3 min"), (172799, "2 d"),
        (190000, "2 d 5 h"), (-3, "under 1 s"),
    ],
)  # fmt: skip
def test_times_are_said_as_people_say_them(seconds, words):
    assert duration(seconds) == words
