"""Mistakes that a user can make, each told in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from harness import limits


class HarnessError(Exception):
    """An expected mistake. The command line prints its one line and exits with `exit_status`."""

    exit_status = 2


class ContractError(HarnessError):
    """A plugin's component returned something that its contract forbids."""


class NotApplicable(Exception):
    """Says why a component has no meaning for what it was given, which is no mistake: a fact of a table.

    A metric or a bound returns it in place of a value. Any component may raise it where it is used: the combinations
    that take it do not apply, for that reason, and nothing has failed.

    Attributes:
        reason: what was given, as documents hold it: one printable line of at most `LENGTH` characters, never empty.
    """

    def __init__(self, reason: str) -> None:
        self.reason = shortened(harmless(reason)) or "it does not apply, and does not say why"
        super().__init__(self.reason)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotApplicable) and self.reason == other.reason

    def __hash__(self) -> int:
        return hash(self.reason)


class DiskError(HarnessError):
    """A disk that cannot be written, or that lost what it held: the whole run ends, since no unit is to blame."""


class FitFailed(HarnessError):
    """The fit of a metric to a target failed; the message names the metric and says why."""


class LimitError(HarnessError):
    """The system allows a process less than a run needs."""


TRY_AGAIN = "the next run tries again"
"""Ends the reason why a unit has no result where the unit is not to blame."""

LISTED = 200
"""Characters that a list of candidates in an error takes at most."""

LENGTH = 300
"""Characters of an error line at most."""


NEAR = 0.65
"""How alike a word and a candidate have to be, as `difflib` measures it: at 0.6 `list` is near to `claims`."""

SHORTEST = 3
"""Characters of a word that is told as a part of a candidate."""


def shortened(text: str, length: int = LENGTH) -> str:
    """Return a text of at most so many characters: where it is longer, its middle is left out.

    An error begins with the place of a mistake and ends with what would be right; what is long is what was given.
    """
    if len(text) <= length:
        return text
    end = length // 3
    return f"{text[: length - end - 3]} … {text[-end:]}"


def harmless(text: object) -> str:
    """Return a text as one line, with a space for what would move or colour what is written to a terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return the end of an error line: the nearest candidates, or where none is near as many as a line has room for."""
    import difflib  # here, so that the help does not wait for it

    known = sorted(set(candidates))
    within = [name for name in known if word in name] if len(word) >= SHORTEST else []
    near = within[:3] or difflib.get_close_matches(word[:LENGTH], known, n=3, cutoff=NEAR)
    if near:
        return f"did you mean {' or '.join(near)}?"
    shown = len(known)
    while shown > 1 and len(", ".join(known[:shown])) > LISTED:
        shown -= 1
    more = f" and {len(known) - shown} more" if shown < len(known) else ""
    return f"known: {', '.join(known[:shown])}{more}" if known else "none is known"


def in_words(name: str) -> str:
    """Return a name, words joined by underscores, as it stands in a sentence."""
    return name.replace("_", " ")


def one_line(error: BaseException) -> str:
    """Return an exception as one line: its message, after its type where it is not an expected mistake."""
    message = " ".join(str(error).split())
    if isinstance(error, (HarnessError, NotApplicable)):
        return shortened(message)
    return shortened(f"{type(error).__name__}: {message}" if message else type(error).__name__)


TRACEBACK_LENGTH = 20_000
"""Characters of a traceback that are kept, at most."""

_NOT_TO_BLAME = {"harness", "pluggy", "torch", "numpy", "scipy", "sklearn", "pydantic", *sys.stdlib_module_names}
"""Packages that call a plugin, or that it calls: the line to blame is its own."""


def failure_line(error: BaseException) -> str:
    """Return an exception as one line that ends in the file and line of the plugin that it comes from.

    An expected mistake says all that it has to say, and so does what no plugin's line led to. Where a limit of the
    system was met, that is told: no unit is to blame for it.
    """
    if isinstance(error, HarnessError):
        return one_line(error)
    limit = limits.reached(error)
    end = place_of(error) + (f"; {limit}; {TRY_AGAIN}" if limit else "")
    return f"{shortened(one_line(error), LENGTH - len(end))}{end}"


def place_of(error: BaseException) -> str:
    """Return file and line, in brackets, of the last call on the way to an exception that is a plugin's; or nothing."""
    from pathlib import PurePath  # here, so that the help does not wait for it

    found, trace = "", error.__traceback__
    while trace is not None:
        package = str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0]
        if package not in _NOT_TO_BLAME:
            parts = PurePath(trace.tb_frame.f_code.co_filename).parts
            inside = parts[parts.index(package) :] if package in parts else parts[-1:]
            found = shortened(f" ({'/'.join(inside)}, line {trace.tb_lineno})", LENGTH // 3)
        trace = trace.tb_next
    return found


def traceback_text(error: BaseException) -> str:
    """Return the traceback of an exception as Python prints it, the end of one that is very long."""
    import traceback

    return "".join(traceback.format_exception(error))[-TRACEBACK_LENGTH:]
