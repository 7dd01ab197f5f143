"""Charts: small drawings as inline SVG, in the page's own colours, with a title that says what they show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.views.digits import number
from harness.views.page import in_line

WIDTH, HEIGHT = 560, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 44

MARKS = ("h0", "m-3-3l6 6m0-6l-6 6", "m0-4v8m-4-4h8", "m-3 3l3-6 3 6z", "m-3-3h6v6h-6z", "m0-4l4 4-4 4-4-4z", "m-4 0h8")
"""What is drawn at a point of each series: with colours alone a reader may not tell them apart."""

OTHERS = "others"
"""What series beyond the marks are called together."""

STRIP = 100
"""Width of an interval in a row, in its own units."""


@dataclass(frozen=True)
class PointSet:
    """Points of one name, or a line through them; both coordinates are positive."""

    label: str
    points: Sequence[tuple[float, float]]
    line: bool = False


@dataclass(frozen=True)
class Scatter:
    """Points on two logarithmic axes.

    Attributes:
        finding: what it shows, in a sentence.
        across: what the horizontal axis is.
        up: what the vertical one is.
        diagonal: whether equal values are marked by a line.
    """

    finding: str
    across: str
    up: str
    series: Sequence[PointSet]
    diagonal: bool = False


def figure(chart: Scatter, name: str) -> Markup:
    """Return a chart with its finding as its title and caption.

    Arguments:
        chart: with at least one point.
        name: an identifier that the page has nowhere else.
    """
    shown = _few(chart.series)
    points = [point for each in shown for point in each.points]
    x, y = _Scale([p[0] for p in points], LEFT, WIDTH - RIGHT), _Scale([p[1] for p in points], HEIGHT - BOTTOM, TOP)
    drawn = [_gridlines(x, y), _diagonal(x, y) if chart.diagonal else Markup("")]
    drawn += [_series(each, i, x, y) for i, each in enumerate(shown)]
    return Markup(
        '<figure><svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{id}"><title id="{id}">{finding}'
        '</title>{drawn}<text x="{mid}" y="{low}" class="m">{across}</text>'
        '<text transform="rotate(-90)" x="{side}" y="12" class="m">{up}</text></svg>'
        "<figcaption>{finding}{legend}</figcaption></figure>"
    ).format(
        w=WIDTH,
        h=HEIGHT,
        id=name,
        finding=in_line(chart.finding),
        drawn=Markup("").join(drawn),
        mid=(LEFT + WIDTH - RIGHT) // 2,
        low=HEIGHT - 6,
        across=in_line(chart.across),
        side=-(HEIGHT - BOTTOM + TOP) // 2,
        up=in_line(chart.up),
        legend=_legend(shown),
    )


def rank_strip(low: int, rank: int, high: int, of: int) -> Markup:
    """Return a rank set as a line on the scale of all ranks, with a mark at the rank."""
    a, at, b = (1 + (each - 1) * (STRIP - 2) / max(1, of - 1) for each in (low, rank, high))
    return Markup('<svg><path d="M{:.0f} 6h{:.0f}M{:.0f} 2v8"/></svg>').format(a, max(1, b - a), at)


def effect_strip(size: float, low: float | None, high: float | None, ends: tuple[float, float], ratio: bool) -> Markup:
    """Return an effect and its interval as a line, beside one where there is no effect.

    Arguments:
        size: the factor, or the difference.
        low: of its interval; None where there is none.
        high: likewise.
        ends: of the scale, in the same numbers.
        ratio: whether they are factors, drawn on a logarithmic scale.
    """

    def place(value: float) -> float:
        a, x, b = (math.log(each) if ratio else each for each in (ends[0], value, ends[1]))
        return 1 + (STRIP - 2) * (min(max(x, a), b) - a) / (b - a) if b > a else STRIP / 2

    start, end = place(size if low is None or (ratio and low <= 0) else low), place(size if high is None else high)
    return Markup(
        '<svg aria-hidden="true"><path class="z" d="M{:.0f} 0v12"/><path d="M{:.0f} 6h{:.0f}M{:.0f} 2v8"/></svg>'
    ).format(place(1.0 if ratio else 0.0), start, max(1.0, end - start), place(size))


def levels_figure(sigmas: Sequence[float], finding: str, name: str) -> Markup:
    """Return noise levels as marks on a logarithmic axis, with what they show as title and caption.

    Arguments:
        sigmas: positive, two or more different ones.
        finding: what they show, in a sentence.
        name: an identifier that the page has nowhere else.
    """
    scale = _Scale(sigmas, LEFT, WIDTH - RIGHT)
    marks = "".join(f"M{scale(sigma):.1f} 8v24" for sigma in sigmas)
    ticks = Markup("").join(
        Markup('<text x="{:.0f}" y="50" class="m">{}</text>').format(scale(v), _round(v)) for v in scale.ticks()
    )
    return Markup(
        '<figure><svg class="chart" viewBox="0 0 {w} 72" role="img" aria-labelledby="{id}"><title id="{id}">{finding}'
        '</title><path class="g" d="M{left} 32H{right}"/><path class="l s0" d="{marks}"/>{ticks}'
        '<text x="{mid}" y="68" class="m">noise level σ, in units of the data</text></svg>'
        "<figcaption>{finding}</figcaption></figure>"
    ).format(
        w=WIDTH,
        id=name,
        finding=in_line(finding),
        left=LEFT,
        right=WIDTH - RIGHT,
        marks=marks,
        ticks=ticks,
        mid=(LEFT + WIDTH - RIGHT) // 2,
    )


class _Scale:
    """A logarithmic axis, from values to places."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = math.log10(min(values)), math.log10(max(values))
        room = max(0.04 * (self.high - self.low), 0.02)
        self.low, self.high, self.start, self.end = self.low - room, self.high + room, start, end

    def __call__(self, value: float) -> float:
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round numbers on the axis: powers of ten, or between them where these are few."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        every = max(1, math.ceil(len(powers) / 7))
        for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
            found = [s * 10.0**p for p in powers if p % every == 0 for s in steps]
            kept = [value for value in found if self.low <= math.log10(value) <= self.high]
            if len(kept) >= 3:
                return kept
        return kept or [10**self.low, 10**self.high]


def _few(series: Sequence[PointSet]) -> list[PointSet]:
    """Return as many series as there are marks, those beyond as one."""
    if len(series) <= len(MARKS):
        return list(series)
    kept, rest = series[: len(MARKS) - 1], series[len(MARKS) - 1 :]
    return [*kept, PointSet(OTHERS, [point for each in rest for point in each.points])]


def _gridlines(x: _Scale, y: _Scale) -> Markup:
    lines = "".join(f"M{x(v):.0f} {TOP}V{HEIGHT - BOTTOM}" for v in x.ticks())
    lines += "".join(f"M{LEFT} {y(v):.0f}H{WIDTH - RIGHT}" for v in y.ticks())
    below = (
        Markup('<text x="{:.0f}" y="{}" class="m">{}</text>').format(x(v), HEIGHT - BOTTOM + 16, _round(v))
        for v in x.ticks()
    )
    beside = (
        Markup('<text x="{}" y="{:.0f}" class="r">{}</text>').format(LEFT - 6, y(v) + 4, _round(v)) for v in y.ticks()
    )
    return Markup('<path class="g" d="{}"/>{}').format(lines, Markup("").join([*below, *beside]))


def _round(value: float) -> str:
    """Return a tick in few characters."""
    if 1e4 <= value < 1e9:
        return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k"
    return f"{value:g}" if value >= 1e-3 else number(value, 1)


def _diagonal(x: _Scale, y: _Scale) -> Markup:
    low, high = max(x.low, y.low), min(x.high, y.high)
    if low >= high:
        return Markup("")
    ends = [(x(10**each), y(10**each)) for each in (low, high)]
    return Markup('<path class="d" d="M{:.0f} {:.0f}L{:.0f} {:.0f}"/>').format(*ends[0], *ends[1])


def _series(each: PointSet, place: int, x: _Scale, y: _Scale) -> Markup:
    places = [f"{x(a):.0f} {y(b):.0f}" for a, b in each.points]
    drawn = "M" + "L".join(places) if each.line else "".join(f"M{p}{MARKS[place]}" for p in dict.fromkeys(places))
    return Markup('<path class="{}{}" d="{}"/>').format("l s" if each.line else "p s", place, drawn)


def _legend(shown: Sequence[PointSet]) -> Markup:
    if len(shown) < 2:
        return Markup("")
    keys = (
        Markup('<li><svg class="k" aria-hidden="true"><path class="{}{}" d="M{}"/></svg>{}').format(
            "l s" if each.line else "p s", i, "1 7h12" if each.line else f"7 7{MARKS[i]}", in_line(each.label)
        )
        for i, each in enumerate(shown)
    )
    return Markup('<ul class="key">{}</ul>').format(Markup("").join(keys))
