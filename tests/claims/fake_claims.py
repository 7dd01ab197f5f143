"""Claims of two seconds: sound ones, and others whose experiment, rule or plot fails."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from harness_claims.claim import (
    Claim,
    Decision,
    EffectSize,
    Experiments,
    GradientDescent,
    Interpretation,
    Panel,
    Recording,
    Series,
    TrajectoryRequest,
)
from harness_claims.run import chosen, run_claims
from harness_claims.verdicts import decision, opposite, t_test

from harness.registry.discovery import load
from harness.registry.registry import Registry
from harness.running.runner import Options

SUITE = {
    "targets": ["gaussian:dim=2", "ring"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["exact"],
    "samplers": ["exponential-integrator"],
    "metrics": ["path-kl"],
    "bounds": ["budget"],
    "rank_by": "path-kl",
    "steps": [4, 8],
    "seeds": 2,
    "sampling": {"samples": 16},
}
SHORT = GradientDescent(points=4, levels=3, precision="float32")
DESCENT = TrajectoryRequest("ring", "relu:width=8,depth=1", "edm", (1, 2), 6, SHORT, Recording(every=1))


class Fake(Claim):
    """Rule: none."""

    paper: ClassVar[str] = "fake-2024"
    title: ClassVar[str] = "a fake"
    statement: ClassVar[str] = "It is so."

    def experiments(self, quick):
        return Experiments(suites={"grid": SUITE})

    def figure(self, evidence, decision):
        return (Panel("ring", "x", "y", (Series("line", [1, 2], [1, np.nan]),), log_x=True),)


class MoreSteps(Fake):
    """More steps lower E_D: 4 against 8, exact."""

    name: ClassVar[str] = "more-steps"
    number: ClassVar[int] = 1

    def decide(self, evidence):
        tests = {}
        for target in {result.target for result in evidence.results["grid"]}:
            few, many = (r.budget["discretization"] for r in evidence.results["grid"] if r.target == target)
            tests[target] = t_test(np.log(few / many), arithmetic=True)
        assert set(tests) == set(evidence.information)
        made = decision(
            tests, "ln E_D, 4 over 8 steps", note="It says that more steps help, *here*.", alpha=evidence.alpha
        )
        fewer = {target: opposite(test) for target, test in tests.items()}
        interpretation = Interpretation(
            "fewer steps lower it", decision(fewer, "ln E_D, 4 over 8 steps", alpha=evidence.alpha)
        )
        return replace(made, interpretations=(interpretation,))


class Descends(Fake):
    """The last loss is below the first: the first runs of a descent."""

    name: ClassVar[str] = "descends"
    number: ClassVar[int] = 2

    def experiments(self, quick):
        return Experiments(descents={"way": DESCENT})

    def decide(self, evidence):
        fall = t_test([np.log(t.loss[0] / t.loss[-1]) for t in evidence.trajectories["way"]])
        return decision({"ring": fall}, "fall", alpha=evidence.alpha)


class BadRule(Fake):
    """Divides by zero."""

    name: ClassVar[str] = "bad-rule"
    number: ClassVar[int] = 3

    def decide(self, evidence):
        return 1 / 0


class BadExperiment(Fake):
    """Asks for a network that is not there."""

    name: ClassVar[str] = "bad-experiment"
    number: ClassVar[int] = 4

    def experiments(self, quick):
        return Experiments(suites={"grid": SUITE | {"networks": ["exacd"]}})

    def decide(self, evidence):
        raise AssertionError


class Diverges(Fake):
    """Trains with a step size at which any network diverges."""

    name: ClassVar[str] = "diverges"
    number: ClassVar[int] = 5

    def experiments(self, quick):
        wild = replace(SHORT, learning_rate=1e9)
        request = TrajectoryRequest("ring", "relu:width=8,depth=2", "edm", (1,), 50, wild, Recording(every=1))
        return Experiments(descents={"way": request})

    def decide(self, evidence):
        raise AssertionError


class NoFinding(Fake):
    """Decides without a target."""

    name: ClassVar[str] = "no-finding"
    number: ClassVar[int] = 6

    def experiments(self, quick):
        return Experiments(suites={"grid": SUITE})

    def decide(self, evidence):
        return Decision("supported", EffectSize("size", 1.0), "", 2, ())


class BadPlot(MoreSteps):
    """A sound rule whose plot fails."""

    name: ClassVar[str] = "bad-plot"
    number: ClassVar[int] = 7

    def figure(self, evidence, decision):
        return 1 / 0


class UnevenPlot(MoreSteps):
    """A sound rule whose plot has two x and one y."""

    name: ClassVar[str] = "uneven-plot"
    number: ClassVar[int] = 8

    def figure(self, evidence, decision):
        return (Panel("ring", "x", "y", (Series("line", [1, 2], [1]),)),)


class Fickle(Fake):
    """A claim whose parts are put in by a test."""

    name: ClassVar[str] = "fickle"
    number: ClassVar[int] = 9
    asked: ClassVar[object] = Experiments(suites={"grid": SUITE})
    made: ClassVar[object] = None

    def experiments(self, quick):
        return self.asked

    def decide(self, evidence):
        return self.made() if callable(self.made) else self.made


class OtherPaper(MoreSteps):
    """More steps lower E_D, says another paper as well."""

    name: ClassVar[str] = "more-steps-too"
    paper: ClassVar[str] = "other-2025"


FAKES = (MoreSteps, Descends, BadRule, BadExperiment, Diverges, NoFinding)
PLOTS = (BadPlot, UnevenPlot)


def registry_with(*claims):
    """All components that ship, with these claims in place of the shipped ones."""
    shipped = load()
    others = (c for axis in shipped.axes if axis != "claim" for c in shipped.classes(axis).values())
    return Registry.from_classes([*others, *claims])


def outcomes(registry, directory, *numbers, quick=True):
    options = Options(workers=1, progress=False)
    return {
        outcome.claim.number: outcome
        for outcome in run_claims(chosen(registry, list(map(str, numbers))), registry, directory, options, quick=quick)
    }
