"""Claim 6: which total weighting trains fastest.

β = p·ω weighs E‖σS + ξ‖² at each noise level. The paper (section 4.1) argues that gradient descent goes fastest where
β(σ)·‖σS + ξ‖ is equal over the levels, and since the residual of its network is large at both ends, β is a bell.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness.claims import Claim, Decision, Evidence, Experiments, Panel, Series
from harness.readings import steps_to_reach
from harness.verdicts import Test, decision, every, some, t_test
from harness_wang.claims import setting

if TYPE_CHECKING:
    import numpy as np

    from harness.claims import Result

BELLS = ("bell-shaped", "edm", "min-snr")
"""Weightings whose weight per unit of ln σ, σβ(σ), has its maximum inside [0.05, 20] and at both ends at most three
quarters of it."""

OTHERS = ("likelihood", "v-cosine", "flow")
"""The others: σβ constant (`eps` on its log-uniform levels is the same), and twice increasing (β constant), with levels
drawn in two ways."""

NETWORK = "relu:width=64,depth=2"
"""The paper's network: the argument is about it."""


class BellTrainsFastest(Claim):
    """Bell-shaped weightings against all others that ship, by the steps until a common score error is reached.

    Yardstick: E_S = ½ Σ Δ_j e_j on the exponential grid of 20 steps, the same for all weightings and without any
    weight of theirs. On each target the threshold is the median over the weightings of the final E_S (geometric
    mean over seeds); T_w(s) is the number of training steps after which weighting w reaches it with seed s, read
    off the snapshots as a power law between them. One that never reaches it counts as reaching it at the end, which
    can only make a difference smaller.

    Bells are the weightings whose weight per unit of ln σ, σβ(σ), has an interior maximum and at both ends at most
    three quarters of it: `bell-shaped` (the paper's own, adapted to the residual), `edm` (which the paper names as a
    bell; it is a shallow one on this range) and `min-snr`.
    The others: `likelihood`, `v-cosine`, `flow`. Training is by Adam, alike for all, on the paper's ReLU network.

    Null hypotheses, on each target, over paired seeds by Student's t on ln T: no bell is faster than all others
    (tested for the claim: for some bell, every other is slower; Bonferroni over the bells); and no other is faster
    than all bells (tested against it: for some other, every bell is slower; Bonferroni over the others).
    α = 0.05/13. Supported: on every target some bell is faster than every other weighting. Contradicted: on some
    target some other weighting is faster than every bell (α over the number of targets). Undecided: neither, as
    where the best of both kinds are equally fast. The effect is the steps of the best other over those of the best
    bell (above 1 the bell is faster).
    """

    name: ClassVar[str] = "bell-trains-fastest"
    number: ClassVar[int] = 6
    title: ClassVar[str] = "a bell-shaped weighting trains fastest"
    statement: ClassVar[str] = (
        "With a bell-shaped total weighting, training reaches a given score error in the fewest steps."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 4.1"

    def experiments(self, quick: bool) -> Experiments:
        """All weightings, the paper's network, snapshots of one training."""
        lengths = setting.LENGTHS if quick else (*setting.LENGTHS, 3000)
        return Experiments(
            suites={
                "weightings": setting.suite(
                    weightings=[*BELLS, *OTHERS],
                    networks=[NETWORK],
                    seeds=setting.seeds(quick),
                    training=setting.training(lengths),
                )
            }
        )

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        groups = setting.by_target(evidence.results["weightings"])
        tests, notes = {}, {}
        for target, results in groups.items():
            steps = reached(results)
            tests[target], notes[target] = _test(steps)
        return decision(tests, "steps of the best other weighting / of the best bell", notes)

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """E_S against training steps, a line a weighting."""
        import numpy as np

        panels = []
        for target, results in setting.by_target(evidence.results["weightings"]).items():
            series = []
            for weighting in setting.distinct(results, "weighting"):
                lengths, errors = curve(results, weighting)
                series.append(Series(weighting, lengths, np.exp(np.log(errors).mean(1)).tolist()))
            panels.append(Panel(target, "training steps", "score error E_S (nats)", tuple(series), True, True))
        return tuple(panels)


def curve(results: list[Result], weighting: str) -> tuple[list[int], np.ndarray]:
    """Return the lengths of training and E_S at each with each seed, shape (K, S)."""
    import numpy as np

    own = sorted(setting.select(results, weighting=weighting), key=lambda result: result.train_steps)
    return [r.train_steps for r in own], np.stack([np.asarray(r.budget["score"], dtype=float) for r in own])


def reached(results: list[Result]) -> dict[str, np.ndarray]:
    """Return ln of the steps until the common threshold, of each weighting; shape (S,)."""
    import numpy as np

    curves = {w: curve(results, w) for w in setting.distinct(results, "weighting")}
    threshold = math.exp(float(np.median([np.log(errors[-1]).mean() for _, errors in curves.values()])))
    return {
        weighting: np.log([steps_to_reach(lengths, errors[:, s], threshold)[0] for s in range(errors.shape[1])])
        for weighting, (lengths, errors) in curves.items()
    }


def _test(steps: dict[str, np.ndarray]) -> tuple[Test, str]:
    """Return the test of one target, and which two weightings it comes down to."""
    names = {w: w.partition(":")[0] for w in steps}
    bells = [w for w, name in names.items() if name in BELLS]
    others = [w for w, name in names.items() if name not in BELLS]
    claimed = some([every([t_test(steps[o] - steps[b]) for o in others]) for b in bells]).p_for
    against = some([every([t_test(steps[b] - steps[o]) for b in bells]) for o in others]).p_for
    bell = min(bells, key=lambda w: steps[w].mean())
    other = min(others, key=lambda w: steps[w].mean())
    pair = t_test(steps[other] - steps[bell])
    effect = replace(
        setting.factor(pair),
        statistic=f"{bell} against {other}: {pair.statistic}",
        p_for=claimed,
        p_against=against,
    )
    return effect, f"fastest bell {bell}, fastest other {other}"
