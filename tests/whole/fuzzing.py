"""Fuzzed inputs: suite files, command lines, files of data and result directories that a seed makes, and what the
command says of each.

    python tests/whole/fuzzing.py 0 3000          # seeds 0 to 2999: prints what breaks the rule, and a summary
    python tests/whole/fuzzing.py --run 0 60      # small suites that may well be right, carried out

An input ends with status 0, 1 or 2 within 5 seconds; a mistake is one line of at most 300 characters.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import math
import random
import shutil
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 5.0
LENGTH = 300


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    words: list[str]
    status: object
    errors: str
    seconds: float

    def fault(self) -> str:
        """Return what is wrong with it; empty where nothing is."""
        lines = [line for line in self.errors.splitlines() if line.startswith("harness:")]
        if self.status not in (0, 1, 2):
            return f"status {self.status}"
        if "Traceback" in self.errors or "unexpected error" in self.errors:
            return "a traceback"
        if self.status == 2 and len(lines) != 1:
            return f"{len(lines)} lines of error"
        if long := [line for line in lines if len(line) > LENGTH]:
            return f"a line of {len(long[0])} characters"
        return f"{self.seconds:.1f} s" if self.seconds > SECONDS else ""


def say(words: list[str]) -> Said:
    """Run a command in this process."""
    from harness.cli import main

    out, err = io.StringIO(), io.StringIO()
    start = time.perf_counter()
    status: object = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as error:
            status = error.code
        except BaseException as error:
            status, text = 70, f"Traceback {type(error).__name__}: {error}"
            err.write(text[:500])
    return Said(words, status, err.getvalue(), time.perf_counter() - start)


# Values that somebody may write


def strange(rng: random.Random) -> Any:
    """Return a value of any kind, seldom a sensible one."""
    kinds: list[Callable[[], Any]] = [
        lambda: rng.choice([0, 1, -1, 2, 3, 10**6, 10**30, -(10**30), 2**63, 2**64]),
        lambda: rng.choice([0.0, -0.0, 1e-300, 1e300, 0.5, -2.5, 1e30, 5e-324, math.pi]),
        lambda: rng.choice([math.inf, -math.inf, math.nan]),
        lambda: rng.choice([True, False]),
        lambda: rng.choice(["", " ", "ring", "mlp", "heun", "edm", "none", "exact", "polynomial:rho=3", "a" * 400]),
        lambda: rng.choice(
            ["mlp:depth=1000000000000000000000000000000", "gaussian:dim=0", "polynomial:rho=", ":", "x/y"]
        ),
        lambda: rng.choice(
            ["[" * 3000, "polynomial:rho=" + "[" * 3000, "é\u202e\x07", "../../etc", "=1+1", "ring,ring"]
        ),
        lambda: "".join(chr(rng.randrange(32, 0x2000)) for _ in range(rng.randrange(1, 40))),
        lambda: [strange(rng) for _ in range(rng.randrange(3))],
        lambda: {"name": rng.choice(["mlp", "ring", "heun", "file"]), rng.choice(["width", "rho", "path", "x"]): 3},
        lambda: {rng.choice("abc"): strange(rng)},
        lambda: 10 ** rng.choice([30, 400, 5000, 50_000]) - rng.choice([1, 2]),
        lambda: [rng.choice(["ring", "edm", "heun"])] * rng.choice([2, 50, 1000]),
    ]
    return rng.choice(kinds)()


def written(value: object) -> str:
    """Return a value as text, numbers of any length too; the command itself has Python's limit."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return str(value)
    finally:
        sys.set_int_max_str_digits(limit)


def toml(value: Any) -> str:
    """Write a value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if not math.isfinite(value):
            return {"inf": "inf", "-inf": "-inf", "nan": "nan"}[str(value)]
        case int():
            return hex(value) if value > 10**300 and value % 2 else written(value)
        case float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=True).replace("\\u007f", "")
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    raise TypeError(value)


SMALL: dict[str, Any] = {
    "name": "fuzzed",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial:rho=3,7"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["heun", "ancestral"],
    "metrics": ["energy", "path-kl"],
    "rank_by": "energy",
    "steps": [4],
    "seeds": 1,
    "noise": {"sigma_min": 0.1, "sigma_max": 10.0},
    "training": {"steps": [5], "batch_size": 4},
    "sampling": {"samples": 16},
}


def suites() -> list[dict[str, Any]]:
    """Return the small suite, and those that ship and can be planned at once."""
    folder = resources.files("harness.suites")
    return [SMALL, *(tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in ("quick", "start"))]


MILD: dict[str, list[Any]] = {
    "targets": ["ring", "gaussian:dim=1", "gaussian:dim=3,condition=10", "digits", "moons"],
    "weightings": ["edm", "eps", "flow", "min-snr", "likelihood"],
    "noise_schedules": ["edm", "cosine", "ve-sqrt", "flow"],
    "time_discretizations": ["exponential", "fisher", "uniform-time", "polynomial:rho=1,50"],
    "networks": ["exact", "inexact", "mlp:width=1,depth=1", "relu:width=4,depth=1"],
    "samplers": ["euler", "heun", "analytic", "exponential-integrator", "edm-stochastic", "dpmpp-2m"],
    "metrics": ["w2", "sliced-wasserstein", "kl", "path-kl", "energy"],
    "bounds": ["budget", "theorem-2", "benton"],
    "initial_laws": ["centered", "moment-matched"],
    "steps": [2, 3, 40, 1000],
    "seeds": [1, 2, [5], [0, 2147483647]],
    "rank_by": ["energy", "path-kl", "w2"],
}
"""Values that make sense, most of them, wherever they stand."""


def mild(rng: random.Random, key: str, value: Any) -> Any:
    """Return a value that may well be right in the place of another."""
    match value:
        case bool():
            return not value
        case int():
            return max(1, value * rng.choice([1, 2, 10]) // rng.choice([1, 2, 10, 100]))
        case float():
            return value * rng.choice([0.1, 0.5, 2.0, 10.0, 1e3])
        case list() if key in MILD:
            return rng.sample(MILD[key], rng.choice([1, 1, 2]))
    return rng.choice(MILD.get(key, [value]))


def suite_file(rng: random.Random, folder: Path) -> Path:
    """Write a suite in which something is not as it should be."""
    suite = json.loads(json.dumps(rng.choice(suites())))
    likely = rng.random() < 0.6
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        place = suite
        if rng.random() < 0.4:
            tables = [value for value in suite.values() if isinstance(value, dict)]
            place = rng.choice(tables or [suite])
        key = rng.choice([*place, rng.choice(["stepz", "seeds", "initial_laws", "limits", "compute", "title", ""])])
        what = rng.random()
        if likely:
            place[key] = mild(rng, key, place.get(key, 1))
        elif what < 0.15:
            place.pop(key, None)
        elif what < 0.6 or not isinstance(place.get(key), list):
            place[key] = strange(rng)
        else:
            place[key] = [*place[key], strange(rng)]
    text = "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in suite.items())
    data = text.encode()
    damage = 1.0 if likely else rng.random()
    if damage < 0.1:
        at = rng.randrange(len(data))
        data = data[:at] + rng.randbytes(rng.choice([1, 3, 30])) + data[at + rng.choice([0, 1, 5]) :]
    elif damage < 0.13:
        data += b"\nx = " + b"[" * rng.choice([100, 3000]) + b"]" * rng.choice([0, 3000])
    file = folder / "suite.toml"
    file.write_bytes(data)
    return file


WORDS = {
    "--target": ["ring", "gaussian:dim=2,3", "file:path=nowhere.npy", "ring:x=1", "gaussian:dim=1e999"],
    "--sampler": ["heun", "huen", "diffusion-harness/heun", "/", "heun:order=" + "[" * 3000],
    "--network": ["mlp:width=8", "mlp:width=0", "mlp:depth=" + "9" * 5000, "exact", "none"],
    "--time-discretization": ["polynomial:rho=3,5", "polynomial:rho=nan", "polynomal", "exponential"],
    "--weighting": ["edm", "edm:p_mean=-1.2,0", "eps", ""],
    "--steps": ["4", "4,8", "0", "-1", "1e3", "4," * 2000, "9" * 5000, "four"],
    "--seeds": ["1", "3", "0", "-2", "1000001", "x"],
    "--train-steps": ["5", "5,10", "0", ""],
    "--metric": ["energy", "kl", "energi", "sliced-wasserstein:projections=8", "energy:x", ""],
    "--rank-by": ["energy", "sliced-wasserstein", "kl", "sliced-wasserstein:projections=9", "energy:x", "", ":"],
    "--bound": ["budget", "theorem-2", "budgets", "budget:x=1"],
    "--initial-law": ["centered", "moment-matched", "centred"],
    "--samples": ["20", "2", "1", "0", "-5", "9" * 30, "9" * 5000, "2.5", "x"],
    "--sigma-min": ["0.1", "0.01", "0", "-1", "1e400", "nan", "30", "1e-300", "9" * 5000],
    "--sigma-max": ["10", "50", "0", "-1", "inf", "nan", "0.05", "0.0500000001", "1e300", "x"],
    "--batch-size": ["8", "64", "0", "-1", "9" * 30, "x"],
    "--learning-rate": ["0.01", "0.001", "0", "-1", "nan", "1e30", "1e-320", "x"],
    "--stepz": ["3"],
}


def command_line(rng: random.Random) -> list[str]:
    """Return words after `plan`, few of which are right."""
    words = [
        "plan",
        "--guess",
        rng.choice([*["quick"] * 6, "start", "quik", "", "no/such.toml", "é\x00é"[: rng.choice([1, 3])]]),
    ]
    for option in rng.sample(sorted(WORDS), rng.randrange(1, 5)):
        value = (
            rng.choice(WORDS[option][:2]) if rng.random() < 0.7 else rng.choice([*WORDS[option], _text(strange(rng))])
        )
        words += [option, value]
    return words


def _text(value: Any) -> str:
    return value if isinstance(value, str) else written(value)


def array_file(rng: random.Random, folder: Path) -> Path:
    """Write an array that is odd, damaged, or no array at all."""
    file = folder / f"points{rng.choice(['.npy', '.npy', '.npy', '.npz', '.csv', '.txt', '.json', ''])}"
    shape = rng.choice([(12, 2), (30, 3), (9, 2), (12, 0), (0, 2), (12,), (12, 2, 2), (2, 2, 2, 2, 2), ()])
    kind = rng.choice(["f8", "f4", "f2", "i4", "u1", "c8", "?", "U3", "M8[s]", ">f8", "i8", "f16"])
    values = np.random.default_rng(rng.randrange(100)).integers(0, 50, shape).astype(kind)
    if values.dtype.kind == "f" and values.size and rng.random() < 0.3:
        values.flat[0] = rng.choice([np.nan, np.inf, 1e300, 6e4])
    buffer = io.BytesIO()
    match file.suffix:
        case ".npz":
            np.savez(buffer, **dict.fromkeys(rng.choice(["a", "ab", ""]), values))
        case ".csv" | ".txt" if values.ndim == 2 and values.dtype.kind in "fiu":
            np.savetxt(buffer, values, delimiter=rng.choice([",", ";", "\t", " "]))
        case _:
            np.save(buffer, values)
    data = bytearray(buffer.getvalue())
    if rng.random() < 0.5 and data:
        for _ in range(rng.choice([1, 5, 50])):
            data[rng.randrange(min(len(data), rng.choice([16, 128, 10**9])))] = rng.randrange(256)
    if rng.random() < 0.2:
        del data[rng.randrange(len(data) + 1) :]
    file.write_bytes(bytes(data))
    return file


def text_table(rng: random.Random, folder: Path) -> Path:
    """Write a table of text in which something may be odd."""
    comma, end = rng.choice([",", ";", "\t", " ", ", "]), rng.choice(["\n", "\r\n", "\r"])
    rows = [[f"{rng.gauss(0, 1):.3g}" for _ in range(3)] for _ in range(rng.choice([1, 12, 30]))]
    for _ in range(rng.choice([0, 1, 1, 3])):
        row = rng.choice(rows)
        odd = [
            "",
            "x",
            "nan",
            "1e999",
            "-inf",
            "1_000",
            '"1"',
            "1;2",
            "é",
            "\x00",
            "9" * 5000,
            "#",
            "=1+1",
            "1+2j",
            "0x10",
        ]
        match rng.randrange(4):
            case 0 if row:
                row.pop()
            case 1:
                row.append("1")
            case 2:
                row.clear()
            case _ if row:
                row[rng.randrange(len(row))] = rng.choice(odd)
    head = [[rng.choice(["a", "=cmd()", "é", "1", '"']) for _ in range(3)]] * rng.choice([0, 1, 1, 2])
    encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16", "latin-1"])
    file = folder / f"points{rng.choice(['.csv', '.tsv', '.txt', '.CSV'])}"
    file.write_bytes(end.join(comma.join(row) for row in [*head, *rows]).encode(encoding, "replace"))
    return file


def columns(rng: random.Random, folder: Path) -> Path:
    """Write a Parquet file, where a writer is installed, or what is none; it may be damaged."""
    file, buffer = folder / "points.parquet", io.BytesIO(b"PAR1")
    with contextlib.suppress(ImportError):
        import pyarrow
        from pyarrow import parquet

        length = rng.choice([0, 5, 30])
        kinds: list[Callable[[], list[Any]]] = [
            lambda: [rng.gauss(0, 1) for _ in range(length)],
            lambda: [rng.randrange(10) for _ in range(length)],
            lambda: ["a"] * length,
            lambda: [rng.choice([None, 1.0]) for _ in range(length)],
            lambda: [[1.0, 2.0]] * length,
            lambda: [rng.random() < 0.5 for _ in range(length)],
        ]
        table = {name: rng.choice([*kinds[:1] * 4, *kinds])() for name in "abc"[: rng.choice([0, 1, 3])]}
        buffer = io.BytesIO()
        parquet.write_table(pyarrow.table(table), buffer)
    file.write_bytes(damaged(rng, buffer.getvalue()))
    return file


def pictures(rng: random.Random, folder: Path) -> Path:
    """Write a folder of images, some of them odd."""
    place = folder / "pictures"
    place.mkdir()
    for number in range(rng.choice([0, 1, 12, 15])):
        mode, size = rng.choice(["L"] * 9 + ["RGB", "1", "I;16"]), rng.choice([(4, 3)] * 12 + [(5, 3)])
        buffer = io.BytesIO(b"no image")
        with contextlib.suppress(ImportError):
            from PIL import Image

            depth = {"L": 1, "RGB": 3, "1": 1, "I;16": 2}[mode]
            content = rng.randbytes(size[0] * size[1] * depth)
            buffer = io.BytesIO()
            Image.frombytes(mode, size, content[: (size[0] + 7) // 8 * size[1]] if mode == "1" else content).save(
                buffer, "PNG"
            )
        data = damaged(rng, buffer.getvalue()) if rng.random() < 0.05 else buffer.getvalue()
        (place / f"{number}{rng.choice(['.png'] * 20 + ['.jpg', '.txt', ''])}").write_bytes(data)
    return place


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Return bytes of which some are changed, or the end is gone, or nothing is wrong."""
    changed = bytearray(data)
    match rng.randrange(4):
        case 0 if changed:
            for _ in range(rng.choice([1, 5, 50])):
                changed[rng.randrange(min(len(changed), rng.choice([16, 128, 10**9])))] = rng.randrange(256)
        case 1:
            del changed[rng.randrange(len(changed) + 1) :]
        case 2:
            changed += rng.randbytes(rng.choice([1, 100]))
    return bytes(changed)


def data_file(rng: random.Random, folder: Path) -> list[str]:
    """Return words that plan with a file or a folder of data, and write it."""
    make = rng.choice([array_file, text_table, text_table, columns, pictures])
    how = rng.choice(["", "", "", ",standardize=columns", ",standardize=whiten", ",array=a"])
    return ["plan", "--guess", "quick", "--target", f"file:path={make(rng, folder)}{how}"]


@functools.cache
def finished() -> dict[str, bytes]:
    """Return the files of a result directory in which one row has failed."""
    suite = SMALL | {"targets": ["gaussian:dim=2", "gaussian:dim=1"], "networks": ["exact"], "metrics": ["energy"]}
    suite |= {"noise": {"sigma_min": 0.001, "sigma_max": 10.0}, "noise_schedules": ["edm", "ve-geometric"]}
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "suite.toml"
        file.write_text("\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in suite.items()))
        ran = say(["run", str(file), "--out", f"{made}/out", "--workers", "1"])
        assert ran.status == 1, ran.errors
        return {path.name: path.read_bytes() for path in (Path(made) / "out").iterdir() if path.is_file()}


def result_directory(rng: random.Random, folder: Path) -> list[str]:
    """Return words that look at a result directory in which something may be wrong, and write it."""
    place = folder / "out"
    (place / "checkpoints").mkdir(parents=True)
    for name, content in finished().items():
        (place / name).write_bytes(damaged(rng, content) if rng.random() < 0.6 else content)
    if rng.random() < 0.2:
        (place / "results.sqlite").write_bytes(rng.choice([b"", b"SQLite format 3\0", rng.randbytes(5000)]))
    if rng.random() < 0.2:
        (place / "results.sqlite-wal").write_bytes(rng.randbytes(rng.choice([1, 32, 5000])))
    options: list[list[str]] = [
        ["--failures"],
        ["--by", rng.choice(["energy", "kl", "", "é", "a" * 9000])],
        ["--suite", rng.choice(["fuzzed", "fuzed", "", "a" * 9000])],
        ["--format", rng.choice(["table", "json", "csv", "markdown", "xml"])],
        ["--top", rng.choice(["0", "1", "-1", "9" * 30, "x"])],
        ["--bounds"],
        ["--budget"],
    ]
    chosen = rng.sample(options, rng.choice([0, 1, 1, 2]))
    return ["rank", rng.choice([str(place)] * 20 + [str(folder), f"{place}/results.sqlite"]), *itertools.chain(*chosen)]


def fuzzed(seed: int, folder: Path) -> list[str]:
    """Return the words of a command, and write what they name."""
    rng = random.Random(seed)
    match seed % 4:
        case 0:
            return ["plan", "--guess", str(suite_file(rng, folder))]
        case 1:
            return command_line(rng)
        case 2:
            return data_file(rng, folder)
    return result_directory(rng, folder)


def run_suite(seed: int, folder: Path) -> str:
    """Carry out a small suite that may well be right; return what is wrong with its board."""
    from harness.results.leaderboard import Leaderboard

    rng = random.Random(seed)
    suite = json.loads(json.dumps(SMALL))
    for _ in range(rng.choice([1, 2, 3])):
        place = rng.choice([suite, *(value for value in suite.values() if isinstance(value, dict))])
        key = rng.choice([key for key in (*place, *MILD) if (key in place or place is suite) and key != "name"])
        place[key] = mild(rng, key, place.get(key, 1))
    suite["steps"] = [min(40, steps) for steps in suite["steps"]][:1]
    file = folder / "suite.toml"
    file.write_text("\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in suite.items()))
    ran = say(["run", str(file), "--out", str(folder / "out"), "--workers", "2"])
    if ran.status == 2:
        return "" if len(ran.errors.splitlines()) == 1 else f"status 2: {ran.errors[-300:]}"
    if ran.status not in (0, 1) or "Traceback" in ran.errors:
        return f"status {ran.status}: {ran.errors[-300:]}"
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        from harness.cli import main

        main(["rank", str(folder / "out"), "--format", "json"])
    board = Leaderboard.validate(json.loads(out.getvalue()))
    reasons = {row.reason for row in board.rows if row.status != "ok"}
    if ran.status == 0 and reasons:
        return f"status 0, but: {reasons}"
    if not board.rows or (ran.status == 1 and not reasons and "harness: " not in ran.errors):
        return f"{len(board.rows)} rows, status {ran.status}, and no reason"
    wrong = [row.violations for row in board.rows if row.violations]
    return f"{len(wrong)} rows with violations: {wrong[0]}" if wrong else ""


def said_of(seeds: range, folder: Path) -> Iterator[tuple[int, Said]]:
    """Yield every seed with what was said of its input."""
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        yield seed, say(fuzzed(seed, place))
        shutil.rmtree(place)


def faults(seeds: range, folder: Path) -> Iterator[tuple[int, str, Said]]:
    """Yield every seed that breaks the rule, with what is wrong and what was said."""
    for seed, said in said_of(seeds, folder):
        if fault := said.fault():
            yield seed, fault, said


def summary(all_said: list[Said]) -> str:
    """Return how inputs ended, the slowest of them and the longest line of error."""
    ended = Counter((said.words[0], said.status) for said in all_said)
    slowest = max(all_said, key=lambda said: said.seconds)
    lines = [len(line) for said in all_said for line in said.errors.splitlines() if line.startswith("harness:")]
    return (
        f"{len(all_said)} inputs, {sum(bool(said.fault()) for said in all_said)} faults; "
        f"{', '.join(f'{command} {status}: {count}' for (command, status), count in sorted(ended.items()))}; "
        f"slowest {slowest.seconds:.1f} s ({slowest.words[0]}); longest line {max(lines, default=0)} characters"
    )


if __name__ == "__main__":
    first, last = map(int, sys.argv[-2:])
    with tempfile.TemporaryDirectory() as made:
        for number in range(first, last) if "--run" in sys.argv else ():
            place = Path(made) / f"run {number}"
            place.mkdir()
            if wrong := run_suite(number, place):
                print(number, wrong, (place / "suite.toml").read_text(), sep="\n")
        ends = []
        for seed, said in said_of(range(first, last) if "--run" not in sys.argv else range(0), Path(made)):
            ends.append(said)
            if fault := said.fault():
                print(seed, fault, [word[:80] for word in said.words], said.errors[-200:].replace("\n", " | "))
        if ends:
            print(summary(ends))
