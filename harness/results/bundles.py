"""Bundles: a leaderboard as it is handed in, a folder of data that is read without trust.

    submission.json                     who hands it in, what was tuned on what, which distributions, which files
    leaderboard.json                    the document
    suite.toml                          its suite, made from the document
    checkpoints/SHA256.safetensors      trained networks, where they were handed in
    verification.json                   which rows were made again (`harness.results.marks`): not the submitter's

Nothing else may lie there, nothing of it is executed, unpickled or unpacked, and every file is looked at before it is
read: it has to be a plain one, that nobody may execute, of the size that its listing tells.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError, deserialize

from harness.blobs import digest_of
from harness.registry.provenance import is_own, normalize
from harness.results.document import LARGEST, Document, DocumentError, parse_json
from harness.results.leaderboard import PUBLISHED, Leaderboard
from harness.results.making import DIGITS
from harness.results.marks import MARKS, Marks, check_marks
from harness.results.submission import SUBMISSION, Submission, unshown
from harness.results.suite_files import SUITE, suite_file, suite_table
from harness.suites.model import Suite, SuiteError

CHECKPOINTS = "checkpoints"
"""The folder of trained networks in a bundle."""

SIZES: Mapping[str, int] = {SUBMISSION: 1_000_000, PUBLISHED: LARGEST, SUITE: 1_000_000, MARKS: 10_000_000}
"""Bytes of each file at most."""

CHECKPOINT = 50_000_000
"""Bytes of one trained network at most."""

WHOLE = 100_000_000
"""Bytes of all files together, at most."""

SEEDS = 2
"""Seeds of a leaderboard at least."""

MOST = 2_000
"""Files of a bundle at most."""

TITLES = frozenset({"name", "title"})
"""Keys of a suite whose texts are read by people alone."""

SHOWN = 100
"""Characters of a place in a document that an error shows at most."""

_PLACE = re.compile(r"[A-Za-z]:[/\\]|[/\\~]")
_WORDS = re.compile(r"""[:=,"'\[\]{}\s]+""")
_NETWORK = re.compile(r"checkpoints/[0-9a-f]{64}\.safetensors")

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are what they have to be.

    Attributes:
        submission: what is said of it.
        board: the leaderboard.
        marks: which of its rows were made again; None where none was.
        contents: of its files but for the networks, by name: the bytes that all this was read from.
    """

    submission: Submission
    board: Leaderboard
    marks: Marks | None
    contents: Mapping[str, bytes]


def is_bundle(folder: Path) -> bool:
    """Tell whether a folder says that it is one."""
    return os.path.lexists(folder / SUBMISSION)


def network_file(sha256: str) -> str:
    """Return the name that a trained network has in a bundle, by its digest."""
    return f"{CHECKPOINTS}/{sha256}.safetensors"


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle.

    Raises:
        DocumentError: what in it is not as it has to be, in one line.
    """
    sizes = _listed(folder)
    contents = {name: _content(folder, name, sizes[name]) for name in sizes if not _NETWORK.fullmatch(name)}
    for name in (SUBMISSION, PUBLISHED, SUITE):
        if name not in contents:
            raise DocumentError(f"{folder}: has no {name}; write a bundle with: harness submit")
    submission = _document(Submission, folder, SUBMISSION, contents)
    digests = {name: digest_of(content) for name, content in contents.items()}
    for name in sizes.keys() - contents.keys():
        content = _content(folder, name, sizes[name])
        digests[name] = digest_of(content)
        _check_network(folder, name, content, digests[name])
    _check_files(folder, submission, sizes, digests)
    board = _document(Leaderboard, folder, PUBLISHED, contents)
    _check_board(folder, board)
    _check_suite(folder, board, contents[SUITE])
    _check_trained(folder, board, sizes)
    _check_distributions(folder, board, submission)
    marks = None
    if MARKS in contents:
        marks = check_marks(contents[MARKS], folder / MARKS, digests[PUBLISHED], digests[SUBMISSION], len(board.rows))
        _check_texts(folder, MARKS, marks.model_dump(mode="json"))
    return Bundle(submission, board, marks, contents)


# Files


def _listed(folder: Path) -> dict[str, int]:
    """Return the name and size of each file; refuse what has no place in a bundle."""
    if folder.is_symlink() or not folder.is_dir():
        raise DocumentError(f"{folder}: is no folder of its own; a bundle is one")
    found: dict[str, int] = {}
    for name, entry in _entries(folder):
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            kind = "a link" if entry.is_symlink() else "a folder" if entry.is_dir() else "no plain file"
            raise DocumentError(f"{folder}: {name!r:.100} is {kind}; a bundle holds plain files")
        if status.st_mode & 0o111:
            raise DocumentError(f"{folder}: {name!r:.100} may be executed; a bundle holds data (chmod -x)")
        limit = CHECKPOINT if _NETWORK.fullmatch(name) else SIZES.get(name)
        if limit is None:
            raise DocumentError(f"{folder}: {name!r:.100} has no place in a bundle; docs/submit.md lists its files")
        if status.st_size > limit:
            raise DocumentError(f"{folder}: {name} has {status.st_size} bytes; it may have {limit}")
        found[name] = status.st_size
        if sum(found.values()) > WHOLE:
            raise DocumentError(f"{folder}: has more than {WHOLE} bytes; hand in fewer checkpoints, or none")
    return found


def _entries(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield what lies in a folder, and in that of its networks, with its name in the bundle."""
    count = 0
    for place in ("", CHECKPOINTS):
        if place and (folder / place).is_symlink():
            raise DocumentError(f"{folder}: {place!r} is a link; a bundle holds plain files")
        if place and not (folder / place).is_dir():
            continue
        with os.scandir(folder / place) as entries:
            empty = bool(place)
            for entry in entries:
                empty = False
                count += 1
                if count > MOST:
                    raise DocumentError(f"{folder}: holds more than {MOST} files; hand in fewer checkpoints, or none")
                if place or entry.name != CHECKPOINTS or not entry.is_dir(follow_symlinks=False):
                    yield (f"{place}/{entry.name}" if place else entry.name), entry
        if empty:
            raise DocumentError(f"{folder}: {place!r} is empty; a folder without files is left out")


def _content(folder: Path, name: str, size: int) -> bytes:
    """Return the content of a file, which may have become another since it was listed."""
    try:
        number = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise DocumentError(f"{folder}: {name} cannot be read: {error.strerror}") from error
    with os.fdopen(number, "rb") as file:
        content = file.read(size + 1) if stat.S_ISREG(os.fstat(number).st_mode) else b""
    if len(content) != size:
        raise DocumentError(f"{folder}: {name} changed while it was read; read the bundle again")
    return content


def _check_files(folder: Path, submission: Submission, sizes: Mapping[str, int], digests: Mapping[str, str]) -> None:
    """Refuse files that are not as they are listed; marks come later, and so are not."""
    told = {each.name: each for each in submission.files}
    there = sizes.keys() - {SUBMISSION, MARKS}
    for name in sorted(told.keys() | there):
        if name not in there:
            raise DocumentError(f"{folder}: {name!r:.100} is listed, and is not there")
        if name not in told:
            raise DocumentError(f"{folder}: {name} is not listed in {SUBMISSION}")
        if (told[name].bytes, told[name].sha256) != (sizes[name], digests[name]):
            raise DocumentError(f"{folder}: {name} is not what {SUBMISSION} lists: its size or SHA-256 is another")


def _check_network(folder: Path, name: str, content: bytes, digest: str) -> None:
    if name != network_file(digest):
        raise DocumentError(f"{folder}: {name:.100} has another SHA-256 than its name")
    try:
        deserialize(content)  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise DocumentError(f"{folder}: {name:.100} holds no tensors: {error}") from error


# Contents


def _document(cls: type[D], folder: Path, name: str, contents: Mapping[str, bytes]) -> D:
    place = f"{folder}/{name}"
    value = parse_json(contents[name], place)
    _check_texts(folder, name, value)
    try:
        return cls.validate(value)
    except DocumentError as error:
        raise DocumentError(f"{place}: {error}") from error


def _check_texts(folder: Path, name: str, value: object) -> None:
    """Refuse a document with a text that a terminal or a reader takes for something else than it shows."""
    for where, text in _texts(value):
        if (char := unshown(text, "\n")) is not None:
            raise DocumentError(f"{folder}/{name}: {where!r}: has {char}, which is no character to be read")


def _texts(value: object) -> Iterator[tuple[str, str]]:
    """Yield every text of JSON values, names of fields too, and where it stands."""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        where, each = waiting.pop()
        if isinstance(each, str):
            yield where, each
        elif isinstance(each, dict):
            yield from ((_within(where, key), key) for key in each)
            waiting += ((_within(where, key), inner) for key, inner in each.items())
        elif isinstance(each, list):
            waiting += ((f"{where}[{i}]"[:SHOWN], inner) for i, inner in enumerate(each))


def _within(where: str, key: str) -> str:
    """Return where a field stands; names that are long, and stand in one another, are not written in full."""
    return f"{where}.{key[:SHOWN]}".lstrip(".")[:SHOWN]


def _check_board(folder: Path, board: Leaderboard) -> None:
    """Refuse rows without an error or an end, commands that are not the harness, and parameters that name a place."""
    if board.setup is None:
        rule = "documents before version 3 do not tell how their rows were made"
        raise DocumentError(f"{folder}/{PUBLISHED}: {rule}; run the suite again")
    if (seeds := len(board.setup.seeds)) < SEEDS:
        raise DocumentError(f"{folder}/{PUBLISHED}: {seeds} seed; of fewer than {SEEDS} no error is known")
    failed = [each.component.name for each in board.certificates if each.standing == "failed"]
    if failed:
        raise DocumentError(f"{folder}/{PUBLISHED}: the certificate of {failed[0]!r:.100} failed (harness certify)")
    if unfinished := sum(row.unfinished for row in board.rows):
        raise DocumentError(f"{folder}/{PUBLISHED}: {unfinished} rows are not computed yet; run the suite to its end")
    for line in (board.command or "").splitlines():
        if not _is_command(line):
            rule = "a command is harness and its words, quoted so that a shell adds nothing"
            raise DocumentError(f"{folder}/{PUBLISHED}: command: {line!r:.100}; {rule}")
    for text in [*_parameters(board), *_WORDS.split(board.command or "")]:
        if _leads_away(text):
            rule = "files are called by their names alone"
            raise DocumentError(f"{folder}/{PUBLISHED}: {text!r:.100} names a place on a machine; {rule}")


def _is_command(line: str) -> bool:
    try:
        words = shlex.split(line)
    except ValueError:
        return False
    return words[:1] == ["harness"] and shlex.join(words) == line


def _parameters(board: Leaderboard) -> Iterator[str]:
    """Yield the texts among the parameters of components, and those that its suite writes, but for names and titles."""
    for _, reference in board.components():
        yield from (text for _, text in _texts([reference.params]))
    for _, form in _texts([{key: each for key, each in suite_table(board).items() if key not in TITLES}]):
        yield from _WORDS.split(form)


def _leads_away(text: str) -> bool:
    """Tell whether a text is a path that leads out of the folder in which it is read, on any system."""
    return _PLACE.match(text) is not None or ".." in re.split(r"[/\\]", text)


def _check_suite(folder: Path, board: Leaderboard, content: bytes) -> None:
    """Refuse a suite that is not the document's, or that no run would take."""
    text, table = suite_file(board), suite_table(board)
    try:
        if tomllib.loads(text) != table:
            raise DocumentError(f"{folder}/{PUBLISHED}: its setup holds what no suite can say")
        Suite.from_mapping(table, SUITE)
    except (tomllib.TOMLDecodeError, SuiteError) as error:
        raise DocumentError(f"{folder}/{PUBLISHED}: it tells no suite that can be run: {error}") from error
    if content != text.encode():
        raise DocumentError(f"{folder}: {SUITE} is not what {PUBLISHED} makes; write it with: harness submit")


def _check_trained(folder: Path, board: Leaderboard, names: Iterable[str]) -> None:
    """Refuse networks that no row has, where the document tells which they are."""
    known = {each for own in board.networks for each in own.checkpoints}
    for name in names:
        if known and _NETWORK.fullmatch(name) and Path(name).stem[:DIGITS] not in known:
            raise DocumentError(f"{folder}: {name} is of no row of {PUBLISHED}")


def _check_distributions(folder: Path, board: Leaderboard, submission: Submission) -> None:
    """Refuse a submission that does not tell where a component of its rows comes from."""
    told = {(normalize(each.name), each.version) for each in submission.distributions}
    for name, version in sorted(foreign(board)):
        if (normalize(name), version) not in told:
            raise DocumentError(f"{folder}/{SUBMISSION}: distributions: lacks {name} {version}, which rows have")


def foreign(board: Leaderboard) -> set[tuple[str, str]]:
    """Return name and version of each distribution that components of rows come from, but for the harness's own."""
    return {(each.distribution, each.version) for _, each in board.components() if not is_own(each.distribution)}
