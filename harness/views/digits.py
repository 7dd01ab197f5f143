"""Digits: numbers as a reader wants them, with as many digits as their uncertainty carries.

An interval that is symmetric to a tenth of its half width is written value ± half width, another one value
(low–high). The uncertainty gets two significant digits and the value the same decimals; very small and very
large numbers share one power of ten, (1.23 ± 0.12)e-05.
"""

from __future__ import annotations

from collections.abc import Sequence

SMALLEST, LARGEST = 1e-3, 1e5
"""Numbers outside are written with a power of ten."""

MOST_DIGITS = 6


def number(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits."""
    if value == 0:
        return "0"
    if not SMALLEST <= abs(value) < LARGEST:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - _exponent(value, digits))}f}"


def joined(names: Sequence[str], word: str = "and") -> str:
    """Return names as one phrase, commas between them and a word before the last; of none, nothing."""
    *others, last = names or [""]
    return f"{', '.join(others)} {word} {last}" if others else last


def counted(n: int, noun: str) -> str:
    """Return a number of things: 1 combination, 2 combinations."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def duration(seconds: float) -> str:
    """Return a time as people say it: 45 s, 3 min 20 s, 12 min, 4 h 3 min, 2 d 5 h."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s" if whole else "under 1 s"
    if whole < 600:
        return _pair(whole, 60, "min", "s")
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return _pair(minutes, 60, "h", "min") if minutes < 2880 else _pair(round(seconds / 3600), 24, "d", "h")


def _pair(amount: int, in_one: int, large: str, small: str) -> str:
    """Return an amount of a small unit in a large one, of which it takes so many, and the rest; no rest of none."""
    first, rest = divmod(amount, in_one)
    return f"{first} {large}" + (f" {rest} {small}" if rest else "")


def optional(value: float | None) -> str:
    """Return a number, or n/a where there is none."""
    return "n/a" if value is None else number(value)


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """Return a value with its interval; without one, with three digits; with one of no width, with six."""
    if low is None or high is None:
        return number(value)
    half = (high - low) / 2
    largest = max(abs(low), abs(high))
    if half <= largest * 10.0**-MOST_DIGITS:
        return number(value, MOST_DIGITS)
    if not SMALLEST <= max(abs(value), half) < LARGEST:
        exponent = _exponent(max(abs(value), half))
        scale = 10.0**exponent
        return f"({_spread(value / scale, low / scale, high / scale)})e{exponent:+03d}"
    return _spread(value, low, high)


def span(value: float | None, low: float | None, high: float | None, decimals: int = 2) -> str:
    """Return a value of order one as value (low–high), at fixed decimals."""
    if value is None:
        return "n/a"
    if low is None or high is None:
        return f"{value:.{decimals}f}"
    return f"{value:.{decimals}f} ({low:.{decimals}f}–{high:.{decimals}f})"


def _spread(value: float, low: float, high: float) -> str:
    half = (high - low) / 2
    decimals = max(0, 1 - _exponent(half))
    if abs((high - value) - (value - low)) <= 0.2 * half:
        return f"{value:.{decimals}f} ± {half:.{decimals}f}"
    return span(value, low, high, decimals)


def _exponent(value: float, digits: int = 2) -> int:
    """Return the power of ten of a number rounded to so many digits: 0.00999 is 1.0e-02."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])
