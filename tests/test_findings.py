"""Figures in README.md and docs/: computed anew from the published boards, and found in the sentences that tell them.

Each entry of FIGURES is a document, a phrase of it with a format in place of each figure, and what computes these.
Where a board is drawn again with other numbers, the document lacks the phrase, and the sentence has to be mended.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pytest
from harness_metrics.lattices import decoding_cost

ROOT = Path(__file__).parents[1]
DISTANCE = "sliced-wasserstein"
FRECHET = "classifier-frechet:classifier=convolution,train_steps=2000"
HELD_OUT = "nll-bound:points=1024,noised=1024"
AXES = {"grid": "time_discretization", "schedule": "noise_schedule", "law": "initial_law"}
RHO = [f"polynomial:rho={rho}" for rho in (3, 5, 7, 10)]
SOUND = [*RHO, "exponential", "fisher"]
TARGETS = ("digits", "mixture", "ring")
MEANS = (-2, -1.2, -0.4, 0.4, 1.2)
LEVELS = (80, 20, 10, 5, 2, 1)
HEUN, EXPONENTIAL = "heun", "exponential-integrator"


@cache
def board(name: str) -> dict:
    file = "claims.json" if name == "claims" else "leaderboard.json"
    return json.loads((ROOT / "leaderboards" / name / file).read_text(encoding="utf-8"))


@cache
def text(document: str) -> str:
    return " ".join((ROOT / document).read_text(encoding="utf-8").split())


@cache
def asked(choice: str) -> tuple[str, list[list[str]]]:
    """The name of a component and its parameters, of `name` or `name:param=value,param=value`."""
    name, _, params = choice.partition(":")
    return name, [each.split("=") for each in params.split(",") if each]


def is_choice(part, choice) -> bool:
    """Whether a number is the one asked for, or a component has the name, and the parameters that are named."""
    if not isinstance(part, dict):
        return part == choice
    name, params = asked(choice)
    return part["name"] == name and all(str(part["params"][key]) in (of, f"{of}.0") for key, of in params)


@cache
def rows(name: str, **choices) -> list[dict]:
    by_axis = [(AXES.get(axis, axis), choice) for axis, choice in choices.items()]
    return [row for row in board(name)["rows"] if all(is_choice(row[axis], of) for axis, of in by_axis)]


def row(name: str, **choices) -> dict:
    (only,) = rows(name, **choices)
    return only


def value(name: str, by: str = DISTANCE, **choices) -> float:
    return row(name, **choices)["metrics"][by]["value"]


def told(found: dict) -> tuple[float, float]:
    """A mean and the ± beside it."""
    return found["value"], (found["high"] - found["low"]) / 2


def effect(name: str, **which) -> tuple[float, float, float]:
    (only,) = [each for each in board(name)["effects"] if which.items() <= each.items()]
    return only["factor"], only["low"], only["high"]


def order(name: str, target: str, sampler: str | None, bound: str = "budget") -> tuple[float, float, float]:
    which = {"target": target, "sampler": sampler, "bound": bound}
    (only,) = [each for each in board(name)["agreement"] if which.items() <= each.items()]
    return only["kendall_tau"], only["low"], only["high"]


def extremes(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    return min(found), max(found)


# Images


def image(by: str = FRECHET, **choices) -> dict:
    plain = {"weighting": "edm", "grid": "polynomial", "network": "unet", "sampler": HEUN, "train_steps": 600}
    return row("images-small", **(plain | choices))["metrics"][by]


def of_networks(**choices) -> float:
    return image(network="unet", **choices)["value"] / image(network="mlp", **choices)["value"]


def image_ranks(network: str, grid: str) -> tuple[int, int, int]:
    found = row("images-small", network=network, grid=grid, sampler=HEUN, weighting="edm", train_steps=600)
    return found["rank"], found["rank_low"], found["rank_high"]


def broken_over_sound(**choices) -> float:
    return image(grid="uniform-time", **choices)["value"] / image(**choices)["value"]


def longer_over_shorter() -> list[float]:
    """600 over 200 steps in every setting on the sound grid that has both."""
    settings = [{}, {"weighting": "eps"}, {"sampler": "euler"}, {"sampler": "ancestral"}, {"network": "mlp"}]
    return [100 * (1 - image(**each)["value"] / image(train_steps=200, **each)["value"]) for each in settings]


def eps_over_edm() -> list[float]:
    settings = [{}, {"sampler": "euler"}, {"sampler": "ancestral"}, {"train_steps": 200}, {"network": "mlp"}]
    settings.append({"grid": "uniform-time"})
    return [image(weighting="eps", **each)["value"] / image(**each)["value"] for each in settings]


def held_out(**choices) -> dict:
    return image(HELD_OUT, sampler="ancestral", **choices)


def held_out_figures() -> list[float]:
    perceptron, unet = held_out(network="mlp"), held_out()
    apart = perceptron["value"] - unet["value"]
    return [*told(perceptron), *told(unet), apart, apart / board("images-small")["setup"]["targets"][0]["dim"]]


def image_score_error(network: str) -> float:
    return image_budget(network)["score"]


def image_budget(network: str) -> dict:
    plain = {"weighting": "edm", "grid": "polynomial", "sampler": "ancestral", "train_steps": 600}
    return row("images-small", network=network, **plain)["budget"]


def pixel_bits(bound: float) -> float:
    """Nats of a density at σ_min as bits that code a pixel, by the formula of `discrete-bits-per-dim`."""
    size, deviation, width = 784, 0.02, 1 / 75.22
    entropy = 0.5 * math.log(2 * math.pi * math.e * deviation**2)
    return (bound / size + decoding_cost(deviation / width) - entropy) / math.log(2)


def networks_apart() -> list[float]:
    """By how many nats the MLP is behind in E_S and in E_V."""
    perceptron, unet = image_budget("mlp"), image_budget("unet")
    return [perceptron[part] - unet[part] for part in ("score", "variance")]


def drawn() -> list[str]:
    return [each[axis]["name"] for each in rows("images-small") if each["pictures"] for axis in ("network", "sampler")]


IMAGES = [
    (
        "U-Net is {:.0f} % ahead of the MLP on the sound grid (`polynomial`) with Heun's method and {:.0f} % behind",
        lambda: [100 * (1 - of_networks()), 100 * (of_networks(grid="uniform-time") - 1)],
    ),
    ("of a perfect generator it is {:.2f} ± {:.2f}", lambda: told(board("images-small")["calibration"][0])),
    (
        "`uniform-time` is {:.2f} times `polynomial` with Heun, {:.2f} with Euler, {:.2f} with `ancestral`; with "
        "the MLP and Heun {:.2f}",
        lambda: [
            *(broken_over_sound(sampler=each) for each in (HEUN, "euler", "ancestral")),
            broken_over_sound(network="mlp"),
        ],
    ),
    (
        "first with `polynomial` ({:.2f} ± {:.2f}; Euler's {:.2f} ± {:.2f}) and last with `uniform-time` "
        "({:.2f} ± {:.2f}; {:.2f} ± {:.2f})",
        lambda: [
            figure
            for grid in ("polynomial", "uniform-time")
            for sampler in (HEUN, "euler")
            for figure in told(image(grid=grid, sampler=sampler))
        ],
    ),
    (
        "`polynomial`: Heun {:.2f} (`edm`), {:.2f} (`eps`), {:.2f} (200 steps), Euler {:.2f}, `ancestral` {:.2f}; "
        "`uniform-time`, Heun: {:.2f}",
        lambda: [
            of_networks(),
            of_networks(weighting="eps"),
            of_networks(train_steps=200),
            of_networks(sampler="euler"),
            of_networks(sampler="ancestral"),
            of_networks(grid="uniform-time"),
        ],
    ),
    (
        "ranks {} ({}–{}) and {} ({}–{}), {} ({}–{}) and {}",
        lambda: [
            *image_ranks("unet", "polynomial"),
            *image_ranks("mlp", "polynomial"),
            *image_ranks("unet", "uniform-time"),
            image_ranks("mlp", "uniform-time")[0],
        ],
    ),
    ("| {:.2f} to {:.2f} in six settings", lambda: extremes(eps_over_edm())),
    ("ahead by {:.0f} to {:.0f} % in all five settings", lambda: extremes(longer_over_shorter())),
    (
        "told in reverse, {:.2f} ({}–{}) against {:.2f}",
        lambda: [
            image(grid="uniform-time")["value"],
            *image_ranks("unet", "uniform-time")[1:],
            image(grid="uniform-time", train_steps=200)["value"],
        ],
    ),
    ("average of the networks, {:.2f} ({:.2f}–{:.2f})", lambda: effect("images-small", axis="network", choice="unet")),
    (
        "the MLP is at {:.2f} ± {:.2f} and the U-Net at {:.2f} ± {:.2f}",
        lambda: [*told(image(network="mlp", sampler="ancestral")), *told(image(sampler="ancestral"))],
    ),
    (
        "the MLP at {:,.0f} ± {:.0f} nats and the U-Net at {:.0f} ± {:.0f}: {:,.0f} nats between them, {:.1f} a pixel",
        held_out_figures,
    ),
    (
        "these bounds are {:.2f} and {:.2f}",
        lambda: [pixel_bits(held_out(network=network)["value"]) for network in ("mlp", "unet")],
    ),
    (
        "The 18 steps alone cost {:.2f} bits",
        lambda: [image_budget("unet")["discretization"] / 784 / math.log(2)],
    ),
    (
        "between the networks E_S has {:,.0f} nats and E_V, what the sampler's own variance of a step adds, {:,.0f}",
        networks_apart,
    ),
    (
        "200 steps are {:.0f} nats behind 600",
        lambda: [held_out(train_steps=200)["value"] - held_out()["value"]],
    ),
    (
        "The score error E_S, {:,.0f} and {:.0f} nats there",
        lambda: [image_score_error("mlp"), image_score_error("unet")],
    ),
    ("the best row of each network, the U-Net with {} and the MLP with `{}`", lambda: [drawn()[1].title(), drawn()[3]]),
    (
        "these pairs differ by {:.0f}, {:.0f} and {:.0f} %",
        lambda: [100 * (1 - of_networks(sampler=each)) for each in (HEUN, "euler", "ancestral")],
    ),
    (
        "`uniform-time` {:.2f} on digits, {:.2f} on the ring",
        lambda: [effect("quick", choice="uniform-time", target=each)[0] for each in ("digits", "ring")],
    ),
    (
        "sliced Wasserstein: {:.3f} and {:.3f} as EDM",
        lambda: [
            value("images-digits", network=each)
            for each in ("unet:precondition=edm,labels=False", "mlp:precondition=edm")
        ],
    ),
]


# Knobs and starts


def knob(target: str, sampler: str, mean: float, grid: str) -> float:
    return value("knobs", target=target, sampler=sampler, weighting=f"edm:p_mean={mean}", grid=grid)


def knob_ratios(target: str, sampler: str, mean: float, other: float) -> Iterator[float]:
    return (100 * (knob(target, sampler, mean, grid) / knob(target, sampler, other, grid) - 1) for grid in SOUND)


def equal_steps(sampler: str, target: str = "digits") -> Iterator[float]:
    """ρ = 1 over each other grid at each P_mean."""
    return (
        knob(target, sampler, mean, "polynomial:rho=1") / knob(target, sampler, mean, grid)
        for mean in MEANS
        for grid in SOUND
    )


def behind(grid: str, sampler: str) -> Iterator[float]:
    """How far a grid is behind each other sound one on digits, in per cent."""
    others = [other for other in SOUND if other != grid]
    return (
        100 * (knob("digits", sampler, mean, grid) / knob("digits", sampler, mean, other) - 1)
        for mean in MEANS
        for other in others
    )


def flat_grids_apart() -> float:
    """How far the worst of the grids called flat is behind the best with Heun, at most, in per cent."""
    cases = [[knob(target, HEUN, mean, grid) for grid in SOUND[1:]] for target in TARGETS for mean in MEANS]
    return max(100 * (max(each) / min(each) - 1) for each in cases)


def low_means_apart() -> float:
    """How far the worst of P_mean −2 to −0.4 is behind the best, at most, in per cent."""
    found = [
        [knob("digits", sampler, mean, grid) for mean in MEANS[:3]] for sampler in (HEUN, EXPONENTIAL) for grid in SOUND
    ]
    return max(100 * (max(each) / min(each) - 1) for each in found)


def first_order_over_heun(target: str) -> Iterator[float]:
    return (knob(target, EXPONENTIAL, mean, grid) / knob(target, HEUN, mean, grid) for mean in MEANS for grid in SOUND)


def fisher_over_exponential(target: str) -> Iterator[float]:
    return (
        knob(target, EXPONENTIAL, mean, "fisher") / knob(target, EXPONENTIAL, mean, "exponential") for mean in MEANS
    )


def start(target: str, sampler: str, law: str, level: float, grid: str = "exponential") -> float:
    plain = {"network": "mlp", "sampler": sampler, "grid": grid, "law": law, "sigma_max": level}
    return value("start", target=target, **plain)


def starts(target: str, sampler: str, law: str = "centered") -> list[float]:
    return [start(target, sampler, law, level) for level in LEVELS]


def matched(sampler: str, level: float, grid: str = "exponential") -> float:
    laws = ("moment-matched", "centered")
    return start("digits", sampler, laws[0], level, grid) / start("digits", sampler, laws[1], level, grid)


def quick_over_euler(target: str, sampler: str) -> Iterator[float]:
    for plain in rows("quick", target=target, sampler="euler"):
        parts = {axis: plain[AXES.get(axis, axis)]["name"] for axis in ("weighting", "schedule", "grid")}
        yield value("quick", target=target, sampler=sampler, **parts) / plain["metrics"][DISTANCE]["value"]


def quick_grids(target: str, sampler: str, by: str) -> list[float]:
    plain = {"target": target, "sampler": sampler, "weighting": "edm"}
    return [value("quick", by, grid="fisher", **plain), value("quick", by, grid="polynomial", schedule="edm", **plain)]


KNOBS_IN_README = [
    ("they are {:.1f} to {:.1f} times as far off as any other with Heun", lambda: extremes(equal_steps(HEUN))),
    (
        "the other six lie within {:.1f} %",
        lambda: [max(max(behind(grid, HEUN)) for grid in SOUND)],
    ),
    ("and {:.1f} to {:.1f} times with the exponential integrator", lambda: extremes(equal_steps(EXPONENTIAL))),
    ("ρ = 3 is {:.0f} to {:.0f} % behind", lambda: extremes(behind("polynomial:rho=3", EXPONENTIAL))),
    (
        "1.2 is {:.0f} to {:.0f} % behind −0.4 with Heun, {:.0f} to {:.0f} % behind −1.2",
        lambda: [
            *extremes(knob_ratios("digits", HEUN, 1.2, -0.4)),
            *extremes(knob_ratios("digits", EXPONENTIAL, 1.2, -1.2)),
        ],
    ),
    ("−2 to −0.4 (within {:.1f} %) are not told apart", lambda: [low_means_apart()]),
    (
        "that is {:.2f} of a centered start's distance at σ_max = 1, {:.2f} at 2 and, not told, {:.2f} at 5; with the "
        "exponential integrator {:.2f} and {:.2f}.",
        lambda: [*(matched(HEUN, each) for each in (1, 2, 5)), *(matched(EXPONENTIAL, each) for each in (1, 2))],
    ),
    (
        "From 10 on it is at most {:.1f} %",
        lambda: [
            max(
                100 * abs(1 - matched(sampler, level, grid))
                for sampler in (HEUN, EXPONENTIAL)
                for level in (10, 20, 80)
                for grid in ("exponential", "fisher")
            )
        ],
    ),
]

KNOBS_IN_FINDINGS = [
    ("ρ from 5 to 10, exponential, `fisher`: within {:.0f} % of each other", lambda: [flat_grids_apart()]),
    (
        "equal steps in σ ({:.0f} to {:.0f} times worse)",
        lambda: extremes(
            each for target in TARGETS for sampler in (HEUN, EXPONENTIAL) for each in equal_steps(sampler, target)
        ),
    ),
    (
        "digits: {:.4f} at ρ = 3, {:.4f} at 5, 7 and 10, {:.4f} exponential, {:.4f} `fisher`; ρ = 1 (equal "
        "steps in σ): {:.2f}",
        lambda: [
            knob("digits", HEUN, -0.4, each) for each in (RHO[0], RHO[2], "exponential", "fisher", "polynomial:rho=1")
        ],
    ),
    (
        "{:.2f} to {:.2f} (mixture), {:.2f} to {:.2f} (digits), {:.2f} to {:.2f} (ring), by P_mean",
        lambda: [
            figure for each in ("mixture", "digits", "ring") for figure in extremes(fisher_over_exponential(each))
        ],
    ),
    (
        "`heun` {:.4f} (−2), {:.4f} (−1.2), {:.4f} (−0.4), {:.4f} (0.4), {:.4f} (1.2)",
        lambda: [knob("digits", HEUN, mean, "exponential") for mean in MEANS],
    ),
    (
        "`exponential-integrator` {:.4f}, {:.4f}, {:.4f}, {:.4f}, {:.4f}",
        lambda: [knob("digits", EXPONENTIAL, mean, "exponential") for mean in MEANS],
    ),
    (
        "(exponential: {:.3f} to {:.3f} and {:.3f} to {:.3f})",
        lambda: [knob("ring", each, mean, "exponential") for each in (HEUN, EXPONENTIAL) for mean in (-2, 1.2)],
    ),
    (
        "{:.2f} ({:.2f}–{:.2f}) at −2, {:.2f} ({:.2f}–{:.2f}) at 1.2",
        lambda: [
            figure for mean in ("-2", "1.2") for figure in effect("knobs", target="ring", choice=f"edm:p_mean={mean}")
        ],
    ),
    (
        "`heun`: digits {:.4f}, {:.4f}, {:.4f}, {:.4f}, {:.3f}, {:.3f}; the Gaussian with condition number 25 {:.3f}, "
        "{:.3f}, {:.3f}, {:.3f}, {:.3f}, {:.3f}",
        lambda: [*starts("digits", HEUN), *starts("gaussian", HEUN)],
    ),
    (
        "the ring: no loss down to 2, {:.1f} times worse at 1",
        lambda: [starts("ring", HEUN)[-1] / starts("ring", HEUN)[0]],
    ),
    (
        "digits {:.4f}, {:.4f}, {:.4f}, {:.4f}, {:.4f}, {:.3f}; the Gaussian {:.3f}, {:.3f}, {:.3f}, {:.3f}, {:.3f}, "
        "{:.3f}; the ring {:.3f} falling to {:.3f} at 1",
        lambda: [
            *starts("digits", EXPONENTIAL),
            *starts("gaussian", EXPONENTIAL),
            *(starts("ring", EXPONENTIAL)[each] for each in (0, -1)),
        ],
    ),
    (
        "`heun`: digits {:.4f}, {:.4f}, {:.4f}, {:.4f}, {:.4f}, {:.4f}; the Gaussian: no loss down to 1",
        lambda: starts("digits", HEUN, "moment-matched"),
    ),
    (
        "digits {:.4f}, {:.4f}, {:.4f}, {:.4f}, {:.4f}, {:.4f}; the Gaussian {:.3f} falling to {:.3f} at 1",
        lambda: [
            *starts("digits", EXPONENTIAL, "moment-matched"),
            *(starts("gaussian", EXPONENTIAL, "moment-matched")[each] for each in (0, -1)),
        ],
    ),
    (
        "{:.2f} to {:.2f} (digits), {:.2f} to {:.2f} (mixture), {:.2f} to {:.2f} (ring). In",
        lambda: [figure for each in ("digits", "mixture", "ring") for figure in extremes(first_order_over_heun(each))],
    ),
    (
        "in all {} settings: `exponential-integrator` {:.2f} to {:.2f}, `ancestral` {:.2f} to {:.2f}; on the ring "
        "`ancestral` is {:.2f} to {:.2f} of `euler`",
        lambda: [
            len(rows("quick", target="digits", sampler="euler")),
            *extremes(quick_over_euler("digits", EXPONENTIAL)),
            *extremes(quick_over_euler("digits", "ancestral")),
            *extremes(quick_over_euler("ring", "ancestral")),
        ],
    ),
    (
        "on digits ({:.0f} against {:.0f} nats) and the exponential integrator on the ring ({:.2f} against {:.2f})",
        lambda: [*quick_grids("digits", "ancestral", "path-kl"), *quick_grids("ring", EXPONENTIAL, "path-kl")],
    ),
    (
        "({:.3f} against {:.3f}, {:.3f} against {:.3f})",
        lambda: [*quick_grids("digits", "ancestral", DISTANCE), *quick_grids("ring", EXPONENTIAL, DISTANCE)],
    ),
]


# Bounds, and how they order


def bound(name: str) -> tuple[float, float]:
    (only,) = [each for each in board("bounds")["bounds"] if each["bound"] == name]
    return only["tightness"]["median"], only["kendall_tau"]


def medians(name: str, *targets: str) -> list[float]:
    entries = [each for each in board("bounds")["entries"] if each["bound"] == name]
    return [each["tightness"]["median"] for target in targets for each in entries if each["target"] == target]


def claim(number: int) -> list[float]:
    return [each["effect"] for each in board("claims")["claims"][number - 1]["findings"]]


def training_bound() -> list[float]:
    pairs = [(each["bounds"]["theorem-1-loss"], each["metrics"]["training-loss"]["value"]) for each in rows("descent")]
    found = [bound / loss for bound, loss in pairs if bound is not None]
    return [float(f"{each:.2g}") for each in (*extremes(found), median(found))]


SMALL = ("gaussian", "mixture", "ring")

BOUNDS = [
    ("{:,} designs, {:,} of them compared", lambda: [len(rows("designs")), board("bounds")["bounds"][0]["rows"]]),
    (
        "of which `budget` is {:.2f} times and `theorem-2` {:.2f}",
        lambda: [figure for each in ("budget", "theorem-2") for figure in medians(each, "digits")],
    ),
    (
        "they are {:.1f} to {:.1f} and {:.1f} to {:.1f} times",
        lambda: [figure for each in ("budget", "theorem-2") for figure in extremes(medians(each, *SMALL))],
    ),
    ("| `budget` (exact path divergence) | {:.2f} | {:.2f} |", lambda: bound("budget")),
    ("| `theorem-3` | {:.2f} | {:.2f} |", lambda: bound("theorem-3")),
    ("| `theorem-2` | {:.1f} | {:.2f} |", lambda: bound("theorem-2")),
    ("| `conforti:steps=each` | {:.1f} | {:.2f} |", lambda: bound("conforti:steps=each")),
    ("| `ancestral-telescope` | {:.1f} | {:.2f} |", lambda: bound("ancestral-telescope")),
    ("| `corollary-1` | {:.1f} | {:.2f} |", lambda: bound("corollary-1")),
    ("| `benton` | {:.1f} | {:.2f} |", lambda: bound("benton")),
    ("| `chen-lee-lu` | {:.1f} | {:.2f} |", lambda: bound("chen-lee-lu")),
    ("| `gao-zhu-w2` | {:.0f} | {:.2f} |", lambda: bound("gao-zhu-w2")),
    ("| `conforti` (as published) | {:,.0f} | {:.2f} |", lambda: bound("conforti")),
    ("it orders trained designs well (τ = {:.2f} to {:.2f}, claim 11)", lambda: extremes(claim(11))),
    ("τ is {:.2f} ({:.2f} to {:.2f}) on digits", lambda: order("quick", "digits", None)),
    ("and {:.2f} ({:.2f} to {:.2f}) on the ring", lambda: order("quick", "ring", None)),
    ("it is {:,.0f} to {:,.0f} times the loss, {:,.0f} in the median", training_bound),
]


# The division of compute


def divisions(by: str, share: float) -> list[float]:
    """The least error with this share for training over that of the best share, for each target and total."""
    least: dict[tuple, dict[float, float]] = {}
    allowed = board("compute")["definition"]["compute"]
    for each in rows("compute"):
        if by in each["metrics"]:
            total = min(allowed["evaluations"], key=lambda total: abs(1 - each["compute"] / total))
            part = min(allowed["training_shares"], key=lambda share: abs(each["training_share"] - share))
            found = least.setdefault((each["target"]["name"], total), {})
            found[part] = min(each["metrics"][by]["value"], found.get(part, float("inf")))
    return [found[share] / min(found.values()) for found in least.values()]


COMPUTE = [
    (
        "with half for training sliced Wasserstein is within {:.0f} % of the best division everywhere, with "
        "70 % within {:.0f} %; with 2 % it is {:.1f} to {:.1f} times the best",
        lambda: [
            *(100 * (max(divisions(DISTANCE, share)) - 1) for share in (0.5, 0.7)),
            *extremes(divisions(DISTANCE, 0.02)),
        ],
    ),
    (
        "half is within {:.0f} % everywhere and 70 % costs up to {:.1f} times",
        lambda: [100 * (max(divisions("path-kl", 0.5)) - 1), max(divisions("path-kl", 0.7))],
    ),
]


# The designs of `bounds`, and the sweep


def grid_row(choice: str) -> list[float]:
    targets = ("digits", *SMALL)
    return [
        effect("designs", among="mlp", axis="time_discretization", choice=choice, target=each)[0] for each in targets
    ]


# Grids on the population

LAID = ["polynomial:rho=2", *RHO, "exponential"]
"""Grids of the table, in its order."""


def by_held_out(sampler: str, grid: str, train_steps: int, steps: int = 18, by: str = "nll-bound") -> float:
    """A value of the board; of `fisher` from either law by `fisher:law=`."""
    found = rows("population", sampler=sampler, train_steps=train_steps, steps=steps)
    name, _, law = grid.partition(":law=")
    (only,) = [
        each
        for each in found
        if is_choice(each[AXES["grid"]], name)
        and (not law or each[AXES["grid"]]["params"].get("law", "training") == law)
    ]
    return only["metrics"][by]["value"]


def above_fisher(train_steps: int, steps: int) -> list[float]:
    best = by_held_out(EXPONENTIAL, "fisher:law=training", train_steps, steps)
    return [by_held_out(EXPONENTIAL, grid, train_steps, steps) - best for grid in LAID]


def distances(train_steps: int) -> list[float]:
    return [by_held_out(EXPONENTIAL, grid, train_steps, by=DISTANCE) for grid in LAID]


def ancestral_behind(grid: str, train_steps: int) -> float:
    return by_held_out("ancestral", grid, train_steps) - by_held_out("ancestral", "fisher:law=training", train_steps)


def on_fisher(sampler: str, train_steps: int) -> list[float]:
    """Distances of the samples of a sampler, and of the exponential integrator's."""
    return [by_held_out(each, "fisher:law=training", train_steps, by=DISTANCE) for each in (sampler, EXPONENTIAL)]


def between_laws() -> float:
    """The most that the two laws' grids differ by, over samplers, lengths and numbers of steps, in nats."""
    return max(
        abs(by_held_out(s, "fisher:law=training", t, n) - by_held_out(s, "fisher:law=population", t, n))
        for s in (EXPONENTIAL, "ancestral", "analytic")
        for t in (250, 1000, 4000)
        for n in (10, 18)
    )


POPULATION = [
    *(
        (f"| {length:,} | {steps} |" + bold.replace("_", " {:.1f} |").replace("*", " **{:.1f}** |"), row_of)
        for length, steps, bold in (
            (250, 18, "_*____"),
            (1000, 18, "__*___"),
            (4000, 18, "___*__"),
            (250, 10, "_*____"),
            (1000, 10, "__*___"),
            (4000, 10, "___*__"),
        )
        for row_of in [lambda length=length, steps=steps: above_fisher(length, steps)]
    ),
    ("| 250, distance | 18 |" + 5 * " {:.3f} |" + " **{:.3f}** |", lambda: distances(250)),
    ("| 4,000, distance | 18 |" + 5 * " {:.3f} |" + " **{:.3f}** |", lambda: distances(4000)),
    (
        "({:.0f} nats behind it after 250 training steps, {:.0f} after 4,000; ρ = 7 is {:.0f} and {:.0f} behind)",
        lambda: [
            ancestral_behind(grid, steps) for grid in ("exponential", "polynomial:rho=7") for steps in (250, 4000)
        ],
    ),
    (
        "the ancestral sampler is {:.0f} nats ahead of the exponential integrator (4,000 training steps, 18 "
        "steps), and its samples are farther off ({:.3f} against {:.3f})",
        lambda: [
            by_held_out(EXPONENTIAL, "fisher:law=training", 4000)
            - by_held_out("ancestral", "fisher:law=training", 4000),
            *(by_held_out(each, "fisher:law=training", 4000, by=DISTANCE) for each in ("ancestral", EXPONENTIAL)),
        ],
    ),
    ("differ by at most {:.2f} nats in all 18 settings", lambda: [between_laws()]),
    (
        "is {:.1f} nats ahead of the exponential integrator on `fisher` after 4,000 steps of training with 18 of "
        "sampling, where its grids from ρ = 3 to `fisher` are {:.1f} apart.",
        lambda: [
            by_held_out(EXPONENTIAL, "fisher:law=training", 4000)
            - by_held_out("analytic", "fisher:law=training", 4000),
            above_fisher(4000, 18)[1],
        ],
    ),
    ("after 250 training steps both orders agree ({:.3f} against {:.3f})", lambda: on_fisher("ancestral", 250)),
    (
        "after little training ({:.3f} against {:.3f} after 250 steps, 18 of sampling), and behind with 18 steps of "
        "sampling after 1,000 and 4,000 ({:.3f} against {:.3f}, {:.3f} against {:.3f}; the intervals overlap)",
        lambda: [each for length in (250, 1000, 4000) for each in on_fisher("analytic", length)],
    ),
]


def first_of_each_list() -> Iterator[float]:
    """Of the sweep, the distance by each sampler with the first choices of all other axes."""
    plain = {"weighting": "edm", "schedule": "edm", "grid": "polynomial:rho=7", "law": "centered"}
    return (each["metrics"][DISTANCE]["value"] for each in rows("sweep", network="mlp:precondition=edm", **plain))


def within_the_floor() -> list[float]:
    floor = board("sweep")["calibration"][0]
    ranked = [each for each in rows("sweep") if each["status"] == "ok"]
    inside = [each for each in ranked if each["metrics"][DISTANCE]["value"] <= floor["high"] and each["rank_low"] == 1]
    ties = board("sweep")["rankings"][0]["settling"]["ties"]
    return [len(ranked), ties, len(inside), floor["value"], floor["low"], floor["high"]]


def swept(schedule: str, grid: str) -> float:
    plain = {"weighting": "edm", "network": "mlp:precondition=edm", "sampler": HEUN, "law": "centered"}
    return value("sweep", schedule=schedule, grid=grid, **plain)


SWEEP = [
    *(
        (f"| `{grid}` | {{:.2f}} | {{:.2f}} | {{:.2f}} | {{:.2f}} |", lambda grid=grid: grid_row(grid))
        for grid in ("fisher", "exponential", "polynomial:rho=7", "polynomial:rho=3", "uniform-time")
    ),
    (
        "{:,} combinations, {:,} designs",
        lambda: [sum(1 + len(each["same_as"]) for each in rows("sweep")), len(rows("sweep"))],
    ),
    (
        "The best of {:,} ranked designs ties with {:,}; {:,} designs are no farther off than the interval of a "
        "perfect generator ({:.3f}, {:.3f}–{:.3f})",
        within_the_floor,
    ),
    (
        "(with `heun` `uniform-time` {:.2f}, `polynomial` {:.3f}); in the time of `cosine` and `flow` "
        "`uniform-time` is as good ({:.3f}, {:.3f})",
        lambda: [
            swept("edm", "uniform-time"),
            swept("edm", "polynomial:rho=7"),
            swept("cosine", "uniform-time"),
            swept("flow", "uniform-time"),
        ],
    ),
    (
        "({:.2f}, {:.2f}–{:.2f}) and `ddim` ({:.2f}, {:.2f}–{:.2f}) are worse",
        lambda: [figure for each in (EXPONENTIAL, "ddim") for figure in effect("sweep", among="mlp", choice=each)],
    ),
    (
        "all {} lie between {:.3f} and {:.3f}",
        lambda: [len(list(first_of_each_list())), *extremes(first_of_each_list())],
    ),
    (
        "τ = {:.2f} ({:.2f}–{:.2f}) as their samples do; within `analytic` {:.2f}, `ancestral` {:.2f}",
        lambda: [
            *order("sweep", "ring", None),
            *(order("sweep", "ring", each)[0] for each in ("analytic", "ancestral")),
        ],
    ),
    (
        "Within `exponential-integrator` it is not shown to: {:.2f} ({:.2f} to {:.2f})",
        lambda: order("sweep", "ring", EXPONENTIAL),
    ),
]

README = [
    (
        "medians from {:.2f} to {:,.0f} times what they bound",
        lambda: extremes(each["tightness"]["median"] for each in board("bounds")["bounds"]),
    ),
    ("Kendall τ: budget {:.2f} (", lambda: order("quick", "ring", None)[:1]),
    ("the bound predicts the ranking (τ = {:.2f} to {:.2f})", lambda: extremes(claim(11))),
    (
        "the best combination ties with {} others; to tell it from half of them takes about {} seeds "
        "(now 3), from all about {}",
        lambda: [
            board("quick")["rankings"][1]["settling"][each] for each in ("ties", "seeds_for_half", "seeds_for_all")
        ],
    ),
    (
        "the rank sets of {} of {} designs hold the first place",
        lambda: [
            sum(each["rank_low"] == 1 for each in rows("quick", target="ring")),
            len(rows("quick", target="ring")),
        ],
    ),
]

FIGURES: list[tuple[str, str, Callable[[], object]]] = [
    *(("docs/images.md", *each) for each in IMAGES),
    *(("README.md", *each) for each in KNOBS_IN_README + README),
    *(("docs/findings.md", *each) for each in KNOBS_IN_FINDINGS + BOUNDS + COMPUTE + POPULATION + SWEEP),
    (
        "docs/bounds.md",
        "does not order designs (τ = {:.2f}); with each step's own gain it is {:.1f} times too large in the median, "
        "and does (τ = {:.2f})",
        lambda: [bound("conforti")[1], *bound("conforti:steps=each")],
    ),
    ("docs/bounds.md", "the bound is {:,.0f} to {:,.0f} times the loss, {:,.0f} in the median", training_bound),
]


def filled(phrase: str, figures) -> str:
    """The phrase with its figures, negative ones with a minus sign, as the documents write them."""
    formats = re.findall(r"\{.*?\}", phrase)
    written = [each.format(figure).replace("-", "−") for each, figure in zip(formats, figures, strict=True)]
    return re.sub(r"\{.*?\}", lambda _: written.pop(0), phrase)


@pytest.mark.parametrize(
    ("document", "phrase", "figures"), FIGURES, ids=[f"{each[0]}-{each[1][:40]}" for each in FIGURES]
)
def test_the_document_tells_what_the_board_holds(document, phrase, figures):
    assert filled(phrase, figures()) in text(document)
