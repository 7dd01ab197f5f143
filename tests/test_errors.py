"""Why a component does not apply, as documents and terminals are given it."""

import pickle

import pytest

from harness.errors import LENGTH, NotApplicable


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("it is for images", "it is for images"),
        ("", "it does not apply, and does not say why"),
        (" \n\t", "it does not apply, and does not say why"),
        ("two\nlines\r\n and\ta tab", "two lines and a tab"),
        ("red \x1b[31mletters\x07 and \u202e turned", "red [31mletters and turned"),
        (404, "404"),
    ],
)
def test_a_reason_is_one_printable_line(given, kept):
    error = NotApplicable(given)
    assert error.reason == str(error) == kept
    assert pickle.loads(pickle.dumps(error)) == error


def test_a_long_reason_lacks_its_middle():
    reason = NotApplicable("begins" + 2000 * " and\n" + "ends").reason
    assert len(reason) == LENGTH
    assert reason.startswith("begins and and")
    assert reason.endswith("ends")
    assert NotApplicable(reason).reason == reason
