"""The page model, and its text in Markdown."""

import re

import pytest

from harness.views.column import Column
from harness.views.page import (
    CodeSpan,
    Commands,
    Docstring,
    Image,
    Link,
    Listing,
    Page,
    Paragraph,
    Quote,
    Section,
    Strong,
    Table,
    Wording,
    listing,
    markdown,
    prose,
)


def shown(*blocks):
    return markdown(Page(["Title"], blocks)).removeprefix("# Title\n\n").removesuffix("\n")


def test_sections_stand_below_one_another():
    inner = Section(["inner"], [Paragraph(["words"])])
    page = Page(
        ["Board ", CodeSpan("quick")], [Paragraph(["first"]), Section(["outer"], [inner]), Section(["last"], [])]
    )
    assert markdown(page) == "# Board `quick`\n\nfirst\n\n## outer\n\n### inner\n\nwords\n\n## last\n"


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (Paragraph(["a ", Strong("b"), " ", Link("c", "c.json"), "."]), "a **b** [c](c.json)."),
        (Listing([["one"], [Wording("two\nlines")]]), "- one\n- two\n  lines"),
        (Commands("harness run quick\n"), "```sh\nharness run quick\n```"),
        (Commands("echo ```"), "````sh\necho ```\n````"),
        (Image("error-against-bound.svg"), "![error against bound](error-against-bound.svg)"),
        (Quote([Strong("so")]), "> **so**"),
        (Docstring("The rule", "one\n\ntwo"), "<details><summary>The rule</summary>\n\n> one\n>\n> two\n\n</details>"),
        (Table([Column("a|b", ("x",), naming=True), Column("n", ("1",))]),
         "| a\\|b   |   n |\n|:-------|----:|\n| x      |   1 |"),
    ],
)  # fmt: skip
def test_blocks_in_markdown(block, text):
    assert shown(block) == text


def test_words_of_others_are_shown_whatever_they_hold():
    """No markup, no second line, no control character: not even from a document that somebody made by hand."""
    text = shown(Paragraph(["<b>*_`|[x](y)\n# not a title\x1b[2J"]))
    assert text == "\\<b>\\*_\\`\\|\\[x\\](y) # not a title \\[2J"


def test_our_own_prose_has_code_and_values():
    words = prose("`!` marks\n{count} of `x`", count="a`b")
    assert words == (CodeSpan("!"), Wording(" marks\n"), "a`b", Wording(" of "), CodeSpan("x"))
    assert shown(Paragraph(words)) == "`!` marks\na\\`b of `x`"


def test_a_list_is_written_as_it_reads():
    assert listing("- one\n  more\n- two") == ["one\nmore", "two"]


def test_nothing_in_a_docstring_of_a_plugin_is_markup():
    text = "</details><img onerror=x>\n![a](b) \x1b[2J *c*"
    summary, _, quoted = shown(Docstring("a </summary><img onerror=x>\n\x07b", text)).partition("</summary>")
    assert summary == "<details><summary>a &lt;/summary&gt;&lt;img onerror=x&gt;  b"
    inside = quoted.removesuffix("</details>")
    assert not re.search(r"(?<!\\)[<*\[`]", inside)
    assert "\x1b" not in inside
    assert r"> \</details>\<img onerror=x>" in inside
