"""Mistakes that a user can make, each told in one line."""

from __future__ import annotations

from collections.abc import Iterable


class HarnessError(Exception):
    """An expected mistake. The command line prints its one line and exits with `exit_status`."""

    exit_status = 2


class ContractError(HarnessError):
    """A plugin's component returned something that its contract forbids."""


class DiskError(HarnessError):
    """A disk that cannot be written, or that lost what it held: the whole run ends, since no unit is to blame."""


LENGTH = 300
"""Characters of an error line at most."""


def shortened(text: str, length: int = LENGTH) -> str:
    """Return a text of at most so many characters: where it is longer, its middle is left out.

    An error begins with the place of a mistake and ends with what would be right; what is long is what was given.
    """
    if len(text) <= length:
        return text
    end = length // 3
    return f"{text[: length - end - 3]} … {text[-end:]}"


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return the end of an error line: the nearest candidates, or all of them where none is near."""
    import difflib  # here, so that the help does not wait for it

    known = sorted(set(candidates))
    near = difflib.get_close_matches(word[:LENGTH], known, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(known)}" if known else "none is known"


def in_words(name: str) -> str:
    """Return a name, words joined by underscores, as it stands in a sentence."""
    return name.replace("_", " ")


def one_line(error: BaseException) -> str:
    """Return an exception as one line: its message, after its type where it is not an expected mistake."""
    message = " ".join(str(error).split())
    if isinstance(error, HarnessError):
        return shortened(message)
    return shortened(f"{type(error).__name__}: {message}" if message else type(error).__name__)
