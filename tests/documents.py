"""A made-up leaderboard with the shape of a real one: a stand-in for the engine in tests of what is shown."""

import copy
import hashlib
import itertools
import math
import random

import pytest

TARGETS = [("ring", {"modes": 8, "radius": 4.0}, 2), ("digits", {}, 64)]
WEIGHTINGS = [("edm", {"p_mean": -1.2}), ("eps", {}), ("bell-shaped", {})]
SCHEDULES = [("edm", {}), ("vp-linear", {"beta_min": 0.1})]
GRIDS = [("polynomial", {"rho": 3.0}), ("polynomial", {"rho": 7.0}), ("exponential", {})]
NETWORKS = [("mlp", {"width": 128})]
SAMPLERS = [
    ("exponential-integrator", {}),
    ("ancestral", {}),
    ("analytic", {}),
    ("heun", {}),
    ("dpmpp-2m", {}),
]
DIVERGENCES = ["marginal-kl", "path-kl"]
RATIOS = {"compared_by": "ratio", "least": 0.0, "copies_below": None}
"""How all of these compare designs."""

DECLARED = {
    "metrics": {
        "energy": {"quantity": "other", "space": "data", **RATIOS},
        "kl": {"quantity": "marginal-kl", "space": "data", **RATIOS},
        "path-kl": {"quantity": "path-kl", "space": "data", **RATIOS},
        "sliced-wasserstein": {"quantity": "other", "space": "data", **RATIOS},
        "training-loss": {"quantity": "training-loss", "space": "data", **RATIOS},
        "w2": {"quantity": "w2", "space": "data", **RATIOS},
    },
    "bounds": {
        "budget": {"limits": DIVERGENCES, "space": "data", "equals": "path-kl"},
        "theorem-2": {"limits": DIVERGENCES, "space": "data", "equals": None},
    },
}
"""What the metrics and bounds of a made-up leaderboard declare."""

STOCHASTIC = {"exponential-integrator", "ancestral", "analytic"}


def reference(name, params=None):
    return {"name": name, "params": params or {}, "distribution": "diffusion-harness", "version": "0.1.0",
            "digest": f"{sum(map(ord, name + repr(params))):032x}"}  # fmt: skip


def interval(value, error):
    return {"value": value, "low": value - error, "high": value + error, "n_seeds": 3}


def make_row(rng, target, dim, design, train_steps, failed):
    weighting, _, grid, _, sampler = design
    skill = math.exp(rng.gauss(0, 0.35)) * (1 + 0.6 * (weighting[0] == "eps") + 400 / train_steps)
    skill *= {"exponential": 0.8}.get(grid[0], 1.0) * {"heun": 0.6, "dpmpp-2m": 0.55}.get(sampler[0], 1.0)
    terms = {
        "initialization": 0.002 * dim / 2,
        "score": 0.3 * skill * dim / 2,
        "discretization": 0.9 * dim / 2 * rng.uniform(0.7, 1.2),
        "variance": -0.25 * dim / 2 * (sampler[0] == "analytic") + 0.1 * dim / 2 * (sampler[0] == "ancestral"),
    }
    terms["total"] = math.fsum(terms.values())
    kernel = sampler[0] in STOCHASTIC and not failed
    row = {"rank": 1, "rank_low": 1, "rank_high": 1, "target": target}
    names = ["weighting", "noise_schedule", "time_discretization", "network", "sampler"]
    row |= {axis: reference(*choice) for axis, choice in zip(names, design, strict=True)}
    row |= {"initial_law": reference("centered")}
    row |= {"steps": 20, "nfe": 39 if sampler[0] == "heun" else 20, "train_steps": train_steps}
    row |= {"grid": None, "trained": None, "sigma_max": 20.0, "ema_decay": 0.99}
    training, sampling = 3 * 256 * train_steps, 2000 * (40 if sampler[0] == "heun" else 20)
    row |= {"compute": training + sampling, "training_share": training / (training + sampling)}
    row |= {"same_as": [], "status": "failed" if failed else "ok"}
    row |= {"reason": "NaN in the samples | sigma=0.02, seed 1" if failed else None, "metrics": {}}
    if not failed:
        row["metrics"]["sliced-wasserstein"] = interval(0.04 * skill, 0.003 * skill * rng.uniform(0.6, 2))
        row["metrics"]["energy"] = interval(0.002 * skill**2, 0.0004 * skill**2)
        if dim == 2:
            row["metrics"]["kl"] = interval(0.06 * skill**1.5, 0.008 * skill)
    row |= {"budget": terms if kernel else None}
    row |= {"score_split": make_split(terms["score"], 300 / train_steps) if kernel else None}
    row |= {"bounds": {"budget": terms["total"] if kernel else None,
                       "theorem-2": 2.6 * terms["total"] if kernel else None}, "bound_highs": {}}  # fmt: skip
    return row | {
        "violations": [],
        "seconds": {"training": 2.5, "sampling": 0.125},
        "not_applicable": {},
        "pictures": None,
    }


def make_split(score, training):
    """Split a score error; of the training error there are so many parts to one of approximation."""
    whole = 2.5 * score
    parts = {"training": whole * training / (1 + training), "statistical": 0.0, "estimation": 0.0}
    parts |= {"approximation": whole - parts["training"], "score_max": whole, "score_exact": score}
    terms = {name: {"value": v, "low": 0.9 * v, "high": 1.1 * v} for name, v in parts.items()}
    return {"objective": "fresh"} | terms


def rank(rows, metric):
    """Order the rows of one target and give each the ranks within which its interval could move it."""
    rows.sort(key=lambda row: (row["status"] != "ok", row["metrics"].get(metric, {"value": math.inf})["value"]))
    for i, row in enumerate(rows):
        own = row["metrics"].get(metric)
        row["rank"] = row["rank_low"] = row["rank_high"] = i + 1
        if own:
            others = [other["metrics"][metric] for other in rows if metric in other["metrics"]]
            row["rank_low"] = min(i + 1, 1 + sum(other["high"] < own["low"] for other in others))
            row["rank_high"] = max(i + 1, len(others) - sum(other["low"] > own["high"] for other in others))
    return rows


def make_effects(rng, target):
    choices = {
        "weighting": ["edm", "eps", "bell-shaped"],
        "noise_schedule": ["edm", "vp-linear"],
        "time_discretization": ["polynomial:rho=3", "polynomial:rho=7", "exponential"],
        "sampler": [name for name, _ in SAMPLERS],
        "train_steps": ["300", "2000"],
    }
    for axis, names in choices.items():
        for name in names:
            factor = math.exp(rng.gauss(0, 0.25))
            yield {"target": target, "among": "mlp", "axis": axis, "choice": name, "factor": factor, "difference": None,
                   "low": factor / 1.08, "high": factor * 1.08, "contexts": 30, "skipped": 1}  # fmt: skip


def make_document(metric="sliced-wasserstein", seed=7, failures=2, violate=True):
    """Return a leaderboard document as plain data: 180 combinations on each of a ring and digits."""
    rng = random.Random(seed)
    environment = {"harness": "0.1.0", "python": "3.11.9", "torch": "2.13.0", "cores": 2}
    document = {
        "schema_version": 10,
        "suite": "quick",
        "title": "Which design is best?",
        "command": None,
        "rank_by": [metric],
        "environment": environment,
        "definition": {"targets": [name for name, _, _ in TARGETS], "steps": [20], "seeds": [0, 1, 2]},
        "setup": setup(),
        "computation": {"core_seconds": 4000.5, "calls": [CALL]},
    }
    document |= {
        "declared": copy.deepcopy(DECLARED),
        "rankings": [
            {"target": name, "metric": metric, "effects_by": metric, "settling": None, "over_points": []}
            for name, _, _ in TARGETS
        ],
        "calibration": [],
        "agreement": [],
        "effects": [],
        "interactions": [],
        "certificates": [],
        "grids": [{"sigmas": levels(k), "own": k == 2} for k in range(len(GRIDS))],
        "networks": [],
        "rows": [],
    }
    for name, params, dim in TARGETS:
        designs = list(itertools.product(WEIGHTINGS, SCHEDULES, GRIDS, NETWORKS, SAMPLERS))
        crossed = list(itertools.product(designs, (300, 2000)))
        failed = set(rng.sample(range(len(crossed)), failures))
        rows = [
            make_row(rng, reference(name, params), dim, design, train_steps, i in failed)
            for i, (design, train_steps) in enumerate(crossed)
        ]
        if dim == 2 and violate:
            _violate(next(row for row in rows if row["budget"]))
        for row in rows:
            row["grid"] = GRIDS.index(tuple(row["time_discretization"][part] for part in ("name", "params")))
            row["trained"] = _place(document["networks"], row)
        document["rows"] += rank(rows, metric)
        for known in ("sliced-wasserstein", "energy"):
            floor = {"sliced-wasserstein": 0.021, "energy": 0.0006}[known]
            document["calibration"].append(
                {"target": name, "metric": known, "value": floor, "low": floor * 0.9, "high": floor * 1.1}
            )
        for bound, tau in (("budget", 0.61), ("theorem-2", 0.55)):
            agreement = {"target": name, "sampler": None, "bound": bound, "kendall_tau": tau}
            document["agreement"].append(
                agreement | {"low": tau - 0.1, "high": tau + 0.08, "n": 106, "clusters": 6, "grids": 1}
            )
        document["effects"] += make_effects(rng, name)
    return document


CALL = {"started": "2026-01-31T12:00:00Z", "workers": 2, "wall_seconds": 2500.25, "core_seconds": 4000.25,
        "ended": True}  # fmt: skip


def levels(k):
    """Twenty-one levels from 20 to 0.05, of the k-th of several grids."""
    inner = [float(f"{20 * 0.0025 ** ((j / 20) ** (1 + 0.1 * k)):.12g}") for j in range(1, 20)]
    return [20.0, *inner, 0.05]


def _place(networks, row):
    """Return the place of a row's networks, put there the first time."""
    kind = [row["target"]["name"], row["weighting"]["name"], row["train_steps"]]
    checkpoints = [hashlib.sha256(repr((*kind, seed)).encode()).hexdigest()[:16] for seed in range(3)]
    entry = {"checkpoints": checkpoints}
    if entry not in networks:
        networks.append(entry)
    return networks.index(entry)


def setup():
    """What a suite like this one fixes for all rows."""
    training = {"method": "adam", "params": {"learning_rate": 0.002, "batch_size": 256, "ema_decay": 0.99}}
    units = {"sliced-wasserstein": "data units", "energy": "data units^½", "kl": "nats", "path-kl": "nats"}
    numbers = {"sigma_data": 0.5, "second_moment": 0.75, "finite": False, "notes": [], "train": None, "held_out": None}
    numbers |= {"pictures": None, "splits": 1, "tested": None}
    return {
        "seeds": [0, 1, 2], "sigma_min": 0.05, "sigma_max": 20.0, "samples": 2000, "training": training,
        "targets": [{"target": name, "dim": dim} | numbers for name, _, dim in TARGETS],
        "metrics": [{"metric": metric, "unit": unit} for metric, unit in units.items()],
        "changed": {},
    }  # fmt: skip


def _violate(row):
    """Make the measured divergence of a row exceed its budget clearly."""
    budget = row["bounds"]["budget"]
    row["metrics"]["kl"] = interval(1.3 * budget, 0.1 * budget)
    kl = row["metrics"]["kl"]
    row["violations"] = [
        {
            "bound": "budget",
            "metric": "kl",
            "value": kl["value"],
            "low": kl["low"],
            "bound_value": budget,
            "bound_high": None,
        }
    ]


@pytest.fixture(scope="session")
def make():
    """The generator itself; every call returns new data."""
    return make_document


@pytest.fixture
def document():
    """A realistic document: 360 rows, two targets, failures and a violation."""
    return make_document()


@pytest.fixture
def small():
    """Four rows on a ring that a reader can check by eye: a tie, an n/a bound, a violation, a failure."""
    designs = [
        ("edm", ("exponential", {}), "heun", interval(0.01, 0.002), None),
        ("edm", ("polynomial", {"rho": 3.0}), "ancestral", interval(0.0123, 0.001), 0.5),
        ("eps", ("polynomial", {"rho": 7.0}), "ancestral", interval(1.5, 0.05), 1.25),
        ("eps", ("exponential", {}), "heun", None, None),
    ]
    ranks = [(1, 1, 2), (2, 1, 2), (3, 3, 3), (4, 4, 4)]
    rows = []
    for (weighting, grid, sampler, kl, bound), (rank, low, high) in zip(designs, ranks, strict=True):
        row = {"rank": rank, "rank_low": low, "rank_high": high, "target": reference("ring", {"modes": 8}),
               "weighting": reference(weighting), "noise_schedule": reference("edm"),
               "time_discretization": reference(*grid), "network": reference("mlp"),
               "sampler": reference(sampler), "initial_law": reference("centered"), "steps": 20,
               "nfe": 39 if sampler == "heun" else 20,
               "train_steps": 500, "grid": None, "trained": None, "sigma_max": 20.0, "ema_decay": None,
               "compute": None, "training_share": None,
               "same_as": [], "status": "ok" if kl else "failed",
               "reason": None if kl else "NaN | after step 3\nof seed 1", "metrics": {"kl": kl} if kl else {},
               "budget": None, "score_split": None, "bounds": {"budget": bound}, "bound_highs": {}, "violations": [],
               "seconds": {}, "not_applicable": {}, "pictures": None}  # fmt: skip
        if bound:
            row["budget"] = {"initialization": 0.25, "score": bound, "discretization": 0.0, "variance": -0.25,
                             "total": bound}  # fmt: skip
        rows.append(row)
    violation = {"bound": "budget", "metric": "kl", "value": 1.5, "low": 1.45, "bound_value": 1.25, "bound_high": None}
    rows[2]["violations"] = [violation]
    agreement = {"target": "ring", "sampler": None, "bound": "budget", "kendall_tau": 1.0, "low": None, "high": None,
                 "n": 2, "clusters": 2, "grids": 1}  # fmt: skip
    effect = {"target": "ring", "among": "mlp", "axis": "weighting", "difference": None, "contexts": 1, "skipped": 1}
    return {
        "schema_version": 10, "suite": "tiny", "title": None, "command": None, "rank_by": ["kl"],
        "environment": {"torch": "2.13.0"}, "definition": None, "setup": None, "computation": None,
        "declared": copy.deepcopy(DECLARED),
        "rankings": [{"target": "ring", "metric": "kl", "effects_by": "kl", "settling": None, "over_points": []}],
        "calibration": [{"target": "ring", "metric": "kl", "value": 0.008, "low": 0.007, "high": 0.009}],
        "agreement": [agreement],
        "effects": [effect | {"choice": "eps", "factor": 1.25, "low": 1.1, "high": 1.4},
                    effect | {"choice": "edm", "factor": 0.8, "low": None, "high": None}],
        "interactions": [], "certificates": [], "grids": [], "networks": [], "rows": rows,
    }  # fmt: skip
