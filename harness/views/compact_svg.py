"""Compact SVG: a picture as matplotlib writes it, without what no eye sees.

Text stays text, so that it can be searched, copied and read aloud. Coordinates are rounded to a hundredth of a point.
"""

from __future__ import annotations

import re
from collections import Counter

FONTS = "text{font-family:'DejaVu Sans',Verdana,sans-serif}"
"""How all text is set; Verdana has the widths of DejaVu Sans, with which the layout was made."""

_DROPPED = re.compile(r"<!DOCTYPE[^>]*>\s*|<metadata>.*?</metadata>\s*|<!--.*?-->\s*", re.DOTALL)
_UNUSED = re.compile(r' transform="rotate\(-0 [^"]*"|(?<=<g) id="[^"]*"|font-family: \'DejaVu Sans\'; ')
_TAG = re.compile(r"<[^<>]*>")
_DECIMALS = re.compile(r"(-?\d+\.\d{3,})(?!\d)")
_BREAKS = re.compile(r"\s*\n\s*")
_STYLE = re.compile(r' style="([^"]*)"')
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that no XML may hold, or that no eye sees; a name may hold any."""


def compact(text: str) -> str:
    """Return an SVG in fewer characters, the same picture to the eye."""
    text = _DROPPED.sub("", _NOT_XML.sub("\ufffd", text))
    text = _BREAKS.sub("\n", _TAG.sub(lambda found: _tag(found[0]), text))
    often = [style for style, times in Counter(_STYLE.findall(text)).items() if times > 1]
    names = {style: f"s{number}" for number, style in enumerate(often)}
    text = _STYLE.sub(lambda found: f' class="{names[found[1]]}"' if found[1] in names else found[0], text)
    rules = "".join(f".{name}{{{style}}}" for style, name in names.items())
    return text.replace("</style>", f"{FONTS}{rules}</style>", 1)


def _tag(text: str) -> str:
    """Return a tag without what is unused, with its numbers rounded and on one line."""
    return _DECIMALS.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), _UNUSED.sub("", _line(text)))


def _line(text: str) -> str:
    return _BREAKS.sub(" ", text).replace(' "', '"')
