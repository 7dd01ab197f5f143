"""Fuzzed inputs: suite files, command lines and arrays that a seed makes, and what the command says of each.

    python tests/whole/fuzzing.py 0 3000          # seeds 0 to 2999: prints every one that breaks the rule
    python tests/whole/fuzzing.py --run 0 60      # small suites that may well be right, carried out

An input ends with status 0, 1 or 2 within 5 seconds; a mistake is one line of at most 300 characters.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import random
import sys
import time
import tomllib
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
        lambda: int("9" * rng.choice([30, 400, 5000])),
        lambda: [rng.choice(["ring", "edm", "heun"])] * rng.choice([2, 50, 1000]),
    ]
    return rng.choice(kinds)()


def toml(value: Any) -> str:
    """Write a value as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if not math.isfinite(value):
            return {"inf": "inf", "-inf": "-inf", "nan": "nan"}[str(value)]
        case int():
            sys.set_int_max_str_digits(0)
            return str(value)
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
    "--metric": ["energy", "kl", "energi"],
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
    sys.set_int_max_str_digits(0)
    return value if isinstance(value, str) else str(value)


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


def fuzzed(seed: int, folder: Path) -> list[str]:
    """Return the words of a command, and write what they name."""
    rng = random.Random(seed)
    match seed % 3:
        case 0:
            return ["plan", "--guess", str(suite_file(rng, folder))]
        case 1:
            return command_line(rng)
        case _:
            file = array_file(rng, folder)
            how = rng.choice(["", "", ",standardize=columns", ",standardize=whiten", ",array=a"])
            return ["plan", "--guess", "quick", "--target", f"file:path={file}{how}"]


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


def faults(seeds: range, folder: Path) -> Iterator[tuple[int, str, Said]]:
    """Yield every seed that breaks the rule, with what is wrong and what was said."""
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        said = say(fuzzed(seed, place))
        if fault := said.fault():
            yield seed, fault, said


if __name__ == "__main__":
    import tempfile

    first, last = map(int, sys.argv[-2:])
    with tempfile.TemporaryDirectory() as made:
        for number in range(first, last) if "--run" in sys.argv else ():
            place = Path(made) / f"run {number}"
            place.mkdir()
            if wrong := run_suite(number, place):
                print(number, wrong, (place / "suite.toml").read_text(), sep="\n")
        for seed, fault, said in faults(range(first, last) if "--run" not in sys.argv else range(0), Path(made)):
            print(seed, fault, [word[:80] for word in said.words], said.errors[-200:].replace("\n", " | "))
