"""Regret of `harness recommend`: how much worse what it chooses is than the best of an exhaustive run.

    python benchmarks/regret.py --out runs/regret                     # all data sets, one after the other
    python benchmarks/regret.py --out runs/regret --data iris ring    # these
    python benchmarks/regret.py --out runs/regret --table             # the table, from what is there

For each data set: the race, with the seeds 0 … of the space, in a directory of its own; then a fixed run of the same
space, every design with other seeds, which the race has not seen: that decides what was best, and what the choice and
EDM's default cost. So the regret has no share of the race's own luck. The exhaustive choice has its own: the best of
many noisy designs looks better than it is. So it is made on all seeds but one and valued on that one, for each in turn:
regret may be negative. `at most` is what the choice by all seeds is ahead on the same seeds. Errors are standard errors
over the seeds of the fixed run.

With `--optuna` (pip install optuna) its sampler TPE searches the same space, a design a trial: as many trials as the
race trained networks, since a trial shares none. Its values are those of all seeds of the fixed run but one; it
is valued on that one, for each in turn.

The cost is that of the race over that of a fixed run with as many seeds for every design as the race may give one
(seconds of one core, from the records; of the fixed run by its seconds a seed).

Each data set can be killed and goes on. Sizes: 500 training steps and 5 fixed seeds were chosen so that a data set
takes two and a half minutes of two quiet cores, the race one of them, and all 14 about 35.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from tabulate import tabulate

from harness.planning.plan import Plan
from harness.racing.recommend import Question, choices_of, recommend
from harness.records import Record
from harness.registry.discovery import load
from harness.results.directory import read_manifest
from harness.results.read_board import read_outcomes
from harness.results.recommendation import Recommendation
from harness.running.runner import Options, carry_out, opened
from harness.store import CHECKPOINTS, MANIFEST, Store
from harness.suites.spaces import DEFAULT, Space

FIRST = 1000
"""The first seed of the fixed runs: none of the race's."""


def points(seed: int, n: int, draw: Callable[[np.random.Generator, int], np.ndarray]) -> np.ndarray:
    """Draw points with a seed."""
    return draw(np.random.default_rng(seed), n)


def moons(rng: np.random.Generator, n: int) -> np.ndarray:
    """Two half circles, one within the other."""
    angle, side = rng.uniform(0, np.pi, n), rng.integers(0, 2, n)
    x = np.where(side, 1 - np.cos(angle), np.cos(angle))
    y = np.where(side, 0.5 - np.sin(angle), np.sin(angle))
    return np.stack([x, y], 1) + 0.08 * rng.normal(size=(n, 2))


def swiss_roll(rng: np.random.Generator, n: int) -> np.ndarray:
    """A rolled sheet in three dimensions."""
    angle = 1.5 * np.pi * (1 + 2 * rng.uniform(size=n))
    return np.stack([angle * np.cos(angle), 21 * rng.uniform(size=n), angle * np.sin(angle)], 1)


def spiral(rng: np.random.Generator, n: int) -> np.ndarray:
    """A spiral arm."""
    angle = 3 * np.pi * np.sqrt(rng.uniform(size=n))
    return np.stack([angle * np.cos(angle), angle * np.sin(angle)], 1) + 0.3 * rng.normal(size=(n, 2))


def waves(rng: np.random.Generator, n: int) -> np.ndarray:
    """A sine of random phase, frequency and height at 24 times."""
    times = np.linspace(0, 1, 24)
    height, rate, phase = rng.uniform(0.5, 2, (n, 1)), rng.uniform(1, 3, (n, 1)), rng.uniform(0, 2 * np.pi, (n, 1))
    return height * np.sin(2 * np.pi * rate * times + phase) + 0.05 * rng.normal(size=(n, 24))


def of_scikit_learn(name: str) -> np.ndarray:
    """Return the rows of a table that scikit-learn ships."""
    from sklearn import datasets

    return np.asarray(getattr(datasets, f"load_{name}")().data, dtype=np.float64)


def digits(principal: int | None = None, classes: tuple[int, ...] = ()) -> np.ndarray:
    """Return the digits, or those of some classes, whole or by their first principal components."""
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA

    whole = load_digits()
    rows = whole.data[np.isin(whole.target, classes)] if classes else whole.data
    return np.asarray(PCA(principal, random_state=0).fit_transform(rows) if principal else rows, dtype=np.float64)


SETS: dict[str, tuple[str, Callable[[], np.ndarray] | None]] = {
    "iris": ("columns", lambda: of_scikit_learn("iris")),
    "wine": ("columns", lambda: of_scikit_learn("wine")),
    "breast-cancer": ("columns", lambda: of_scikit_learn("breast_cancer")),
    "diabetes": ("scale", lambda: of_scikit_learn("diabetes")),
    "digits": ("scale", digits),
    "digits-pca-10": ("scale", lambda: digits(10)),
    "digits-3-8": ("scale", lambda: digits(classes=(3, 8))),
    "patches": ("target patches:size=4,count=4000", None),
    "patches-8": ("target patches:size=8,count=3000", None),
    "ring": ("target ring", None),
    "moons": ("scale", lambda: points(1, 2000, moons)),
    "spiral": ("scale", lambda: points(2, 2000, spiral)),
    "swiss-roll": ("scale", lambda: points(3, 2000, swiss_roll)),
    "waves": ("scale", lambda: points(4, 2000, waves)),
}
"""How each is standardized, and its rows; or the target that it is."""


def textures() -> np.ndarray:
    """Patches of 6 × 6 pixels of the textures of scikit-image, where it is installed."""
    from skimage import data

    rng, found = np.random.default_rng(5), []
    for image in (data.brick(), data.grass(), data.gravel()):
        corners = rng.integers(0, np.array(image.shape) - 6, (1000, 2))
        found += [image[i : i + 6, j : j + 6].reshape(-1) for i, j in corners]
    return np.asarray(found, dtype=np.float64)[rng.permutation(len(found))]


def data_of(name: str, folder: Path) -> str:
    """Return what `harness recommend` is called with; the file is written."""
    how, rows = ("scale", textures) if name == "textures" else SETS[name]
    if how.startswith("target "):
        return how.removeprefix("target ")
    assert rows is not None
    file = folder / f"{name}.npy"
    if not file.exists():
        np.save(file, rows())
    return f"file:path={file},standardize={how}"


def race(name: str, folder: Path, options: argparse.Namespace) -> tuple[Recommendation, Question]:
    """Recommend; the answer that is there is taken."""
    question = Question(
        data_of(name, folder), minutes=options.minutes, train_steps=options.train_steps, seeds=options.seeds
    )
    out = folder / name / "race"
    kept = out / "recommendation.json"
    if kept.exists():
        return Recommendation.read(kept), question
    return recommend(question, load(), out, Options(progress=False, command="benchmarks/regret.py")), question


def fixed(found: Recommendation, question: Question, out: Path, count: int) -> dict[str, object]:
    """Run every design of the space with seeds of its own; return the values, the designs and the seconds."""
    registry = load()
    space = Space.load(DEFAULT).changed(train_steps=question.train_steps, registry=registry)
    start = found.best.components["initial_law"].name
    suite = space.suite([question.data], found.sigma_min, found.sigma_max, start)
    suite = suite.model_copy(update={"seeds": tuple(range(FIRST, FIRST + count)), "name": "fixed"})
    combinations = space.combinations(suite, registry)
    with opened(out) as store:
        plan = Plan(suite, registry, combinations, out.absolute() / CHECKPOINTS)
        carry_out({f"{MANIFEST}:{suite.name}": plan}, store, Options(progress=False, command="benchmarks/regret.py"))
    with closing(Store.read(out)) as store:
        rows = read_outcomes(read_manifest(store, "fixed"), store)
    values = [[m.value for m in each.measured(found.metric).values()] if each.ok else [] for each in rows]
    default = combinations.index(space.default_design(combinations, registry))
    return {"values": values, "choices": choices_of(combinations, registry), "default": default}


def write_values(file: Path, choices: list[dict[str, str]], values: list[list[float]]) -> None:
    """Write the exhaustive run: a line a design, its choice on each axis, then the metric with each seed."""
    seeds = [str(FIRST + i) for i in range(max(map(len, values)))]
    with file.open("w", newline="") as opened_file:
        lines = csv.writer(opened_file, lineterminator="\n")
        lines.writerow([*choices[0], *seeds])
        for own, found in zip(choices, values, strict=True):
            lines.writerow([*own.values(), *(f"{value:.6g}" for value in found)])


def records_of(directory: Path) -> list[Record]:
    """Return all records of a directory."""
    with closing(Store.read(directory)) as store:
        return list(store.get(list(store.index())).values())


def seconds_of(directory: Path) -> float:
    """Return the seconds of one core that the records of a directory took."""
    return sum(record.seconds for record in records_of(directory))


def chosen_place(wanted: dict[str, str], choices: list[dict[str, str]]) -> int:
    """Return the place among the designs of the space of the one with the recommended choices."""
    return next(i for i, own in enumerate(choices) if all(own[axis] == choice for axis, choice in wanted.items()))


def per_cent(logs: np.ndarray, place: int) -> tuple[float, float, float, int]:
    """Return what a design is behind the exhaustive choice, its standard error, what at most, and the best design.

    The exhaustive choice is made on all seeds but one and valued on that one, for each in turn; at most it is what the
    choice by all seeds is ahead on the same seeds, which flatters that.

    Arguments:
        logs: ln of the metric, shape (n, S).
        place: of the design.
    """
    apart = np.array([logs[place, s] - logs[_best_without(logs, s), s] for s in range(logs.shape[1])])
    best = int(logs.mean(1).argmin())
    most = float((logs[place] - logs[best]).mean())
    error = 100 * apart.std(ddof=1) / math.sqrt(len(apart))
    return 100 * math.expm1(apart.mean()), error, 100 * math.expm1(most), best


def _best_without(logs: np.ndarray, seed: int) -> int:
    return int(np.delete(logs, seed, axis=1).mean(1).argmin())


def one(name: str, folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Return what is known of one data set; it is kept, and not done again."""
    kept = folder / name / "regret.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    began = time.monotonic()
    found, question = race(name, folder, options)
    whole = fixed(found, question, folder / name / "fixed", options.fixed)
    values, choices = whole["values"], whole["choices"]
    write_values(folder / name / "exhaustive.csv", choices, values)
    logs = np.array([np.log(v) if len(v) == options.fixed else [math.inf] * options.fixed for v in values])
    chosen = {each.axis: each.choice for each in found.choices}
    place = chosen_place(chosen, choices)
    regret, error, most, best = per_cent(logs, place)
    against = logs[place] - logs[whole["default"]]
    told = {
        "name": name,
        "metric": found.metric,
        "dim": found.profile.dim,
        "rows": found.profile.train,
        "regret": regret,
        "error": error,
        "most": most,
        "default": 100 * math.expm1(-against.mean()),
        "default_error": 100 * against.std(ddof=1) / math.sqrt(len(against)),
        "cost": seconds_of(folder / name / "race")
        * options.fixed
        / seconds_of(folder / name / "fixed")
        / options.seeds,
        "settled": found.settled,
        "minutes": found.minutes,
        "total": (time.monotonic() - began) / 60,
        "chosen": chosen,
        "best": choices[best],
    }
    if options.optuna:
        told["optuna"], told["optuna_error"] = by_optuna(logs, choices, trained_in(folder / name / "race"))
    kept.write_text(json.dumps(told, indent=1))
    return told


def by_optuna(logs: np.ndarray, choices: list[dict[str, str]], trials: int) -> tuple[float, float]:
    """Return the regret of what optuna chooses, and its standard error."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    axes = {axis: sorted({own[axis] for own in choices}) for axis in choices[0]}
    places = {tuple(own[axis] for axis in axes): i for i, own in enumerate(choices)}
    apart = []
    for left_out in range(logs.shape[1]):
        searched = np.delete(np.arange(logs.shape[1]), left_out)
        rng = np.random.default_rng(left_out)

        def tried(trial: optuna.Trial, searched: np.ndarray = searched, rng: np.random.Generator = rng) -> float:
            own = tuple(trial.suggest_categorical(axis, each) for axis, each in axes.items())
            return float(logs[places[own], rng.choice(searched)]) if own in places else math.inf

        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=left_out))
        study.optimize(tried, n_trials=trials)
        place = places[tuple(study.best_params[axis] for axis in axes)]
        apart.append(logs[place, left_out] - logs[_best_without(logs, left_out), left_out])
    return 100 * math.expm1(float(np.mean(apart))), 100 * float(np.std(apart, ddof=1)) / math.sqrt(len(apart))


def trained_in(directory: Path) -> int:
    """Return how many networks a directory has the records of."""
    return sum(record.kind == "network" for record in records_of(directory))


def table(found: list[dict[str, object]]) -> str:
    """Return the table, a row a data set, and below it the median and the worst."""
    heads = [
        "data",
        "d",
        "rows",
        "regret, %",
        "at most, %",
        "EDM's default above it, %",
        "Optuna's, %",
        "cost, %",
        "settled",
    ]
    rows = [
        [
            each["name"],
            each["dim"],
            each["rows"] or "drawn",
            f"{each['regret']:+.1f} ± {each['error']:.1f}",
            f"{each['most']:.1f}",
            f"{each['default']:+.1f} ± {each['default_error']:.1f}",
            f"{each['optuna']:+.1f} ± {each['optuna_error']:.1f}" if "optuna" in each else "",
            f"{100 * each['cost']:.0f}",
            "yes" if each["settled"] else "no",
        ]
        for each in found
    ]
    regrets = [float(each["regret"]) for each in found]
    end = f"median regret {np.median(regrets):.1f} %, worst {max(regrets):.1f} %" if regrets else "nothing yet"
    return tabulate(rows, heads, tablefmt="pipe", disable_numparse=True) + f"\n\n{end}"


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", nargs="*", default=list(SETS), choices=[*SETS, "textures"])
    parser.add_argument("--minutes", type=float, default=1.0, help="of each race")
    parser.add_argument("--train-steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=16, help="most seeds of a race")
    parser.add_argument("--fixed", type=int, default=5, help="seeds of the exhaustive run")
    parser.add_argument("--optuna", action="store_true")
    parser.add_argument("--table", action="store_true", help="only show what is there")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found = []
    for name in options.data:
        if options.table and not (options.out / name / "regret.json").exists():
            continue
        found.append(one(name, options.out, options))
        print(f"{name}: {json.dumps(found[-1])}", file=sys.stderr, flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
