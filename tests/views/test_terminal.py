"""Tables and text made to fit a terminal: what is dropped, shortened and folded, and in which order."""

import pytest

from harness.views.column import Column
from harness.views.terminal import Drop, break_lines, fit, fitted, shorten, text_table, wrap

DESIGNS = ("polynomial:rho=3", "polynomial:rho=7", "exponential")


def columns():
    """A table that is too wide for 80 characters."""
    return [
        Column("rank", ("1", "2", "3")),
        Column("grid", DESIGNS, naming=True),
        Column("steps", ("18", "18", "36"), naming=True, noun=True),
        Column("NFE", ("18", "35", "36"), Drop.EVALUATIONS),
        Column("sliced-wasserstein", ("0.03", "0.05", "0.07")),
        Column("energy", ("0.1", "0.2", "0.3"), Drop.FURTHER),
        Column("budget", ("1.5", "2.5", "3.5"), Drop.BOUND),
        Column("theorem-2", ("4", "5", "6"), Drop.OTHER_BOUNDS),
    ]


def heads(width):
    return [column.header for column in fit(columns(), width)]


def test_columns_go_in_the_order_of_what_they_are_worth():
    whole = [column.header for column in columns()]
    assert heads(None) == heads(200) == whole
    assert heads(74) == [head for head in whole if head != "energy"]
    assert heads(68) == [head for head in whole if head not in ("energy", "NFE")]
    # Names are shortened before a bound goes; then all that names a design becomes one column.
    assert heads(64) == heads(68)
    assert fit(columns(), 64)[1].cells == ("polyn…:rho=3", "polyn…:rho=7", "exponential")
    assert heads(56) == ["rank", "grid", "steps", "sliced-wasserstein", "budget"]
    assert heads(48) == ["rank", "combination", "sliced-wasserstein"]
    assert fit(columns(), 48)[1].cells[0] == "polynomial:rho=3\n18 steps"


@pytest.mark.parametrize("width", [50, 55, 60, 65, 70, 75, 80, 100])
def test_a_table_is_no_wider_than_the_terminal(width):
    lines = text_table(fit(columns(), width))
    assert max(map(len, lines)) <= width
    assert sum("0.07" in line for line in lines) == 1


def test_columns_that_find_no_room_are_named():
    assert fitted(columns(), 200) == text_table(columns())
    lines = fitted(columns(), 48)
    assert " ".join(" ".join(lines[-3:]).split()).endswith(
        "no room in 48 columns for: NFE, energy, budget, theorem-2 (--format csv has all)"
    )
    assert max(map(len, lines)) <= 48


def test_counts_and_figures_are_aligned_right_and_names_left():
    lines = text_table([Column("n", ("5", "10")), Column("name", ("a", "bcd"), naming=True)])
    assert lines == [" n  name", "--  ----", " 5  a", "10  bcd"]


def test_shortened_labels_keep_what_tells_them_apart():
    assert shorten("polynomial:rho=3", 12) == "polyn…:rho=3"
    assert shorten("exponential", 11) == "exponential"
    assert shorten("exponential", 6) == "expon…"
    assert shorten("file:path=/a/very/long/name.npy", 12) == "file:path=/a/very/long/name.npy"


def test_wrap_breaks_between_words_only():
    assert wrap(["edm", "vp-linear", "heun"], 15) == "edm · vp-linear\nheun"
    assert wrap(["exponential-integrator"], 5) == "exponential-integrator"
    assert wrap([], 5) == ""


@pytest.mark.parametrize("indent", ["", "  "])
def test_broken_lines_keep_to_the_width(indent):
    broken = break_lines([indent + "a " * 200 + "b"], 80)
    assert max(map(len, broken)) <= 80
    assert all(line.startswith(indent + "    ") for line in broken[1:])
