"""Submissions: a leaderboard made into a bundle (`harness.results.bundles`) that can be handed in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from importlib import metadata
from pathlib import Path

from harness.axes import AXES
from harness.blobs import digest_of
from harness.components import Component, ComponentError
from harness.errors import HarnessError
from harness.planning.manifest import is_absent
from harness.registry.discovery import load
from harness.registry.provenance import is_own, normalize
from harness.registry.registry import Registry
from harness.results.bundles import foreign, network_file, read_bundle
from harness.results.consistency import inconsistencies
from harness.results.directory import read_manifest
from harness.results.document import DocumentError
from harness.results.leaderboard import PUBLISHED, Leaderboard
from harness.results.reader import read_networks
from harness.results.row_commands import component_form
from harness.results.submission import FORMS, SUBMISSION, Submission, SubmittedDistribution, SubmittedFile
from harness.results.suite_files import SUITE, suite_file
from harness.store import Store
from harness.views.publishing import without_folders


def submit(
    board: Leaderboard,
    out: Path,
    *,
    submitter: str,
    disclosure: str,
    contact: str | None = None,
    sources: Sequence[str] = (),
    networks: Mapping[str, bytes] | None = None,
) -> Submission:
    """Write a leaderboard as a bundle, and read it as whoever receives it will.

    Arguments:
        board: what is handed in.
        out: a new folder.
        submitter: who hands it in.
        disclosure: what was tuned on what.
        contact: how they are reached.
        sources: where distributions are got, as requirements (`harness.results.submission.FORMS`); of one that none
            names, the version that was used, from the package index.
        networks: trained networks, safetensors by their SHA-256 (`trained_networks`).

    Raises:
        DocumentError: the board is not complete, does not agree with itself, or is not as a bundle has to be; or the
            folder is there, or cannot be written. Nothing is left of it then.
        HarnessError: where a distribution comes from is not known.
    """
    if out.exists() or out.is_symlink():
        raise DocumentError(f"{out} is there already; a bundle is written into a new folder")
    for found in inconsistencies(board):
        raise DocumentError(f"the leaderboard does not agree with itself: {found}")
    clean, command = without_folders(board, board.command or "")
    clean = clean.model_copy(update={"command": command or None})
    files = {PUBLISHED: clean.to_json().encode(), SUITE: suite_file(clean).encode()}
    files |= {network_file(sha256): content for sha256, content in (networks or {}).items()}
    fields = {
        "schema_version": Submission.version(),
        "submitter": submitter,
        "contact": contact,
        "disclosure": disclosure,
        "distributions": [each.model_dump() for each in distributions(clean, sources)],
        "files": [_listed(name, content).model_dump() for name, content in files.items()],
    }
    submission = Submission.validate(fields)
    _write({**files, SUBMISSION: submission.to_json().encode()}, out)
    return submission


def _listed(name: str, content: bytes) -> SubmittedFile:
    return SubmittedFile(name=name, bytes=len(content), sha256=digest_of(content))


def _write(files: Mapping[str, bytes], out: Path) -> None:
    """Write a bundle beside its place, read it there, and move it into it."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".submitting-", dir=out.parent))
        try:
            bundle = made / out.name
            for name, content in files.items():
                (bundle / name).parent.mkdir(parents=True, exist_ok=True)
                (bundle / name).write_bytes(content)
            try:
                read_bundle(bundle)
            except DocumentError as error:
                raise DocumentError(str(error).replace(str(bundle), str(out))) from error
            bundle.rename(out)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise DocumentError(f"{out} cannot be written: {error.strerror or error}") from error


# Distributions


def distributions(board: Leaderboard, sources: Sequence[str] = ()) -> list[SubmittedDistribution]:
    """Return the distributions that a leaderboard's components, metrics and bounds come from, with their requirements.

    Raises:
        HarnessError: a source is of none of them; or a metric or a bound is of none that is installed here.
    """
    used = {normalize(name): (name, version) for name, version in sorted(foreign(board))}
    for name in _further(board):
        used.setdefault(normalize(name), (name, metadata.version(name)))
    given = _given(sources, [name for name, _ in used.values()])
    return [
        SubmittedDistribution(name=name, version=version, requirement=given.pop(normalize(name), f"{name}=={version}"))
        for name, version in used.values()
    ]


def _given(sources: Iterable[str], used: Sequence[str]) -> dict[str, str]:
    """Return requirements by the distribution that they are of."""
    found: dict[str, str] = {}
    for source in sources:
        text = f"{used[0]} @ {source}" if "://" in source.partition(" @ ")[0] and len(used) == 1 else source
        name = normalize(text.partition(" @ ")[0].partition("==")[0])
        if name not in map(normalize, used):
            told = f"of none of the leaderboard's distributions: {', '.join(used) or 'it has only our own'}"
            raise HarnessError(f"source {source!r:.100} is {told}; write {FORMS}")
        found[name] = text
    return found


def _further(board: Leaderboard) -> set[str]:
    """Return the foreign distributions of metrics, bounds and of components that are parameters, as installed here.

    Documents name these without the distribution wherever that is clear.
    """
    registry = load()
    metrics = [entry.metric for entry in board.setup.metrics] if board.setup is not None else []
    found = [each for name in metrics for each in _installed(registry, "metric", name)]
    found += [each for name in board.declared.bounds for each in _installed(registry, "bound", name)]
    for axis, reference in board.components():
        if not is_absent(axis, reference):
            whole = _installed(registry, axis, component_form(reference))
            found += [getattr(each, part) for each in whole for part in each.part_axes()]
    names = {registry.provenance(type(each)).distribution for each in found}
    return {name for name in names if not is_own(name)}


def _installed(registry: Registry, axis: str, form: str) -> list[Component]:
    """Return the component that is written so; raises HarnessError where it is not installed."""
    try:
        return registry.parse(axis, form)
    except ComponentError as error:
        rule = "a board is handed in where the packages are installed that made it"
        raise HarnessError(f"{AXES[axis].words} {form}: {error}; {rule}") from error


# Networks


def trained_networks(directory: Path, suite: str | None = None) -> dict[str, bytes]:
    """Return the networks that the rows of a result directory were sampled from, as safetensors by their SHA-256.

    Arguments:
        directory: of a run.
        suite: of the suites in it; None: the only one.

    Raises:
        StoreError: it is no result directory.
        BlobError: one is gone or damaged.
    """
    with closing(Store.read(directory)) as store:
        manifest = read_manifest(store, suite)
        found = read_networks({key for row in manifest.rows for key in row.networks}, store)
        digests = {each.value.sha256 for each in found.values() if each.value is not None}
        return {sha256: store.blobs.read(sha256) for sha256 in sorted(digests)}
