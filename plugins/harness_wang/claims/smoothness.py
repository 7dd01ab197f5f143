"""Claim 3: the loss is semi-smooth near the trajectory.

    L(θ') ≤ L(θ) + ⟨∇L, θ' − θ⟩ + a √L ω^{1/3} ‖θ' − θ‖ + b √L ‖θ' − θ‖²

with constants a, b that do not depend on where on the way θ is; ω is the radius of the neighbourhood, here ‖θ' − θ‖
itself, the least that it can be. A ReLU network has kinks, so that no gradient is Lipschitz: the first-order term takes
their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from harness.claims import Claim, ClaimError, Decision, Evidence, Experiments, Panel, Series
from harness.verdicts import decision, sign_test
from harness_wang.claims import paths

if TYPE_CHECKING:
    import numpy as np

    from harness.trajectories import Trajectory

SLACK = 2.0
"""The constants of an O(·) are known up to a factor."""

ROUNDING = 1e-5
"""Relative to the loss: what single precision does to an excess."""


class SemiSmooth(Claim):
    """Violations of the inequality, with constants from other seeds and from earlier on the way.

    On each target the 40 shared runs, perturbed at 6 recorded steps from the first to the last, along 3 random
    directions and down the gradient, by 0.1, 1 and 10 % of ‖θ_0‖. The even seeds' perturbations in the first half of
    the run fix a and b: of all a, b ≥ 0 that satisfy the inequality there those with the least mean right-hand
    side (a linear programme). Then every odd seed is tested on its perturbations in the second half, where the loss
    is smaller: a violation is an excess L(θ') − L − ⟨∇L, θ' − θ⟩ above *twice* the fitted right-hand side (constants
    are known up to a factor), and above rounding.

    Null: at most half of new seeds have no violation. One-sided binomial tests on the 20 odd seeds for more than half
    and for less, α = 0.05/13. Supported: significant for more than half on all three targets (17 of 20). Contradicted:
    significant for less at α/3 on one (2 of 20). Undecided: neither. The effect is the share of seeds without a
    violation. The share of violating perturbations, the largest excess over the fitted side, and the same for b‖θ' −
    θ‖² without the factor √L are reported and do not decide.
    """

    name: ClassVar[str] = "semi-smooth"
    number: ClassVar[int] = 3
    title: ClassVar[str] = "the loss is semi-smooth near the trajectory"
    statement: ClassVar[str] = (
        "Near the trajectory the loss exceeds its linearisation by at most √L times a first-order and a second-order"
        " term, with constants that hold along the way."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, proof of Theorem 1 (semi-smoothness)"

    def experiments(self, quick: bool) -> Experiments:
        """The shared runs, which are probed."""
        return Experiments(descents=paths.shared(quick))

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests, notes = {}, {}
        for target, runs in paths.of(evidence, "base").items():
            ratios = later_ratios(runs)
            clean = sum(float(ratio.max()) <= SLACK for ratio in ratios)
            tests[target] = sign_test(clean, len(ratios))
            notes[target] = _note(ratios, later_ratios(runs, factor=False))
        return decision(tests, "share of new seeds without a violation", notes)

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """The excess over the fitted right-hand side, for each tested perturbation."""
        panels = []
        for target, runs in paths.of(evidence, "base").items():
            fitted, odd = constants(runs), [run for run in runs if run.seed % 2]
            series = []
            for label, early in (("first half of the run", True), ("second half of the run", False)):
                x, y = [], []
                for run in odd:
                    found = _Excess(run, early)
                    x += (found.distance / found.distance.max()).tolist()
                    y += found.over(fitted).tolist()
                series.append(Series(label, x, y, kind="points"))
            ends = [min(series[0].x), 1.0]
            series.append(Series("violation", ends, [SLACK, SLACK], kind="guide"))
            panels.append(
                Panel(target, "‖θ' − θ‖ over the largest", "excess over fitted side", tuple(series), True, True)
            )
        return tuple(panels)


class _Excess:
    """The perturbations of one half of a run: excess over the linearisation, and the two terms that bound it."""

    def __init__(self, run: Trajectory, early: bool, factor: bool = True) -> None:
        import numpy as np

        probes = run.probes
        if probes is None:
            raise ClaimError(f"{run.target}, seed {run.seed}: the run was not probed")
        half = run.step[-1] / 2
        chosen = probes.step < half if early else probes.step >= half
        self.distance = probes.distance[chosen]
        root = np.sqrt(probes.loss[chosen])
        self.excess = (probes.loss_there - probes.loss - probes.slope)[chosen]
        self.rounding = ROUNDING * np.maximum(probes.loss, probes.loss_there)[chosen]
        second = (root if factor else 1.0) * self.distance**2
        self.terms = np.stack([root * self.distance ** (4 / 3), second], axis=1)

    def over(self, constants: np.ndarray) -> np.ndarray:
        """Return the excess over the right-hand side; at most `SLACK` where it is mere rounding."""
        import numpy as np

        side = self.terms @ constants
        ratio = np.divide(self.excess, side, out=np.full_like(side, np.inf), where=side > 0)
        return np.asarray(np.where(self.excess <= self.rounding, np.minimum(ratio, 0.0), ratio))


def constants(runs: Sequence[Trajectory], factor: bool = True) -> np.ndarray:
    """Return a and b from the first half of the even seeds' runs.

    Raises:
        ClaimError: there is no such run, or no constants fit.
    """
    import numpy as np
    from scipy.optimize import linprog

    parts = [_Excess(run, early=True, factor=factor) for run in runs if run.seed % 2 == 0]
    if not parts:
        raise ClaimError("no even seed fits the constants")
    terms, excess = np.concatenate([p.terms for p in parts]), np.concatenate([p.excess for p in parts])
    if not (np.isfinite(terms).all() and np.isfinite(excess).all()):
        raise ClaimError(f"{runs[0].target}: a perturbed loss is not finite")
    # Each inequality and each unknown in its own unit: losses span many powers of ten.
    unit = terms.max(axis=0)
    rows = terms / unit
    size = rows.max(axis=1)
    scale = max(float((excess / size).max()), 1e-300)
    found = linprog(
        (rows / size[:, None]).mean(0), A_ub=-rows / size[:, None], b_ub=-excess / size / scale, bounds=[(0, None)] * 2
    )
    if found.x is None:
        raise ClaimError(f"{runs[0].target}: no constants satisfy the inequality: {found.message}")
    return np.asarray(found.x * scale / unit)


def later_ratios(runs: Sequence[Trajectory], factor: bool = True) -> list[np.ndarray]:
    """Return, for each odd seed, the excess over the fitted side of the perturbations in the second half of its run."""
    fitted = constants(runs, factor)
    found = [_Excess(run, early=False, factor=factor).over(fitted) for run in runs if run.seed % 2]
    if not found:
        raise ClaimError("no odd seed tests the constants")
    return found


def _note(ratios: list[np.ndarray], plain: list[np.ndarray]) -> str:
    import numpy as np

    everything, other = np.concatenate(ratios), np.concatenate(plain)
    return (
        f"{(everything > SLACK).mean():.2%} of {len(everything)} perturbations violate, largest excess "
        f"{everything.max():.2g} of the fitted side; without √L in the second-order term {(other > SLACK).mean():.2%}, "
        f"{other.max():.2g}"
    )
