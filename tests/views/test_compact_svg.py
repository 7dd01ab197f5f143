"""Compact SVG: the same picture and the same words in fewer characters."""

import io
import re
import xml.etree.ElementTree as ElementTree

import pytest

from harness.views.compact_svg import compact
from harness.views.plots import blank, finished, styled, svg

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
PLACES = ("d", "x", "y", "points", "transform", "width", "height", "viewBox")


@styled
def drawn(words):
    figure = blank(4, 3)
    axes = figure.subplots()
    axes.plot([0.123456, 1.5, 2.25], [1.987654, 0.5, 3.1], "o-", label=words)
    axes.set_title(words)
    return finished(figure)


@styled
def whole(figure):
    """The picture as matplotlib writes it."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue().decode()


def shapes(text):
    """Where everything is drawn: the numbers of each element that is one, in their order."""
    found = [
        each for each in ElementTree.fromstring(text).iter() if each.tag.rpartition("}")[2] in ("path", "use", "text")
    ]
    still = [{k.rpartition("}")[2]: v for k, v in each.attrib.items() if "rotate(-0 " not in v} for each in found]
    return [[float(n) for k in PLACES if k in each for n in NUMBER.findall(each[k])] for each in still]


def words_of(text):
    return [each.text for each in ElementTree.fromstring(text).iter() if each.tag.endswith("}text")]


def test_everything_stands_where_it_stood_to_a_hundredth():
    figure = drawn("a name")
    before, after = shapes(whole(figure)), shapes(svg(figure).decode())
    assert [len(each) for each in before] == [len(each) for each in after]
    for was, now in zip(before, after, strict=True):
        assert now == pytest.approx(was, abs=0.005001)


def test_words_are_text_with_every_digit():
    text = svg(drawn("0.123456 <b> & \"x\" 'y' -- 7.654321")).decode()
    assert words_of(text).count("0.123456 <b> & \"x\" 'y' -- 7.654321") == 2
    assert len(text) < 0.6 * len(whole(drawn("0.123456")))


def test_styles_are_written_once():
    text = svg(drawn("a")).decode()
    styles = re.findall(r' style="([^"]*)"', text)
    assert len(styles) == len(set(styles))
    assert all(f".{name}{{" in text for name in re.findall(r' class="(\w+)"', text))


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x85", "\ufffe"])
def test_what_no_xml_may_hold_is_replaced(character):
    text = compact(f'<svg xmlns="http://www.w3.org/2000/svg"><style></style><text>a{character}b</text></svg>')
    assert words_of(text) == ["a\ufffdb"]


def test_the_same_figure_has_the_same_bytes():
    assert svg(drawn("a")) == svg(drawn("a"))
