"""Costs: the seconds that units of work take on one core, from trials of work of their kind, else guessed.

A trial (`harness.engine.try_out`) is made once for each kind of work: its key names machine and code that runs,
components and sizes. What it found is kept in the user's cache, so that a run knows it too, and what the run says
of the time that remains. Nothing that is computed depends on it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.blobs import Blob, BlobFolder
from harness.components import digest
from harness.engine.courses import Course, Learner
from harness.engine.jobs import CalibrateMetricsJob, EvaluateSamplesJob, MeasureTargetJob, TrainedNetwork
from harness.engine.measurement import SCORE_LEVELS
from harness.engine.trials import EvaluationTrial, HeldOutTrial, ScoreErrorTrial, TargetTrial, TrainingTrial
from harness.metrics import FittedMetric, SampleMetric
from harness.networks import OracleNetwork
from harness.planning.code import installed
from harness.planning.keys import unit
from harness.planning.units import trainable
from harness.user_cache import read_cache, write_cache
from harness.weightings import LearnedWeighting

if TYPE_CHECKING:
    from harness.bounds import Bound
    from harness.components import Component
    from harness.engine.trials import Trial
    from harness.metrics import Metric
    from harness.planning.demand import Demand
    from harness.planning.keys import Keys
    from harness.suites.combinations import Combination
    from harness.suites.model import Suite
    from harness.targets import Target

FILE = "costs.json"
"""Where in the user's cache the trials lie."""

KEPT = 5000
"""Trials that are kept at most."""

START = "start"
"""The key of what it takes until a worker is ready."""

Known = Mapping[str, tuple[float, ...]]
"""What trials found, by their keys."""


def stored() -> dict[str, tuple[float, ...]]:
    """Return the trials that are kept; those that are no numbers of seconds were never made."""
    return {key: tuple(map(float, found)) for key, found in read_cache(FILE).items() if _sound(found)}


def store(known: Known) -> None:
    """Keep trials beside those that are kept already; where that cannot be done, they are made again."""
    write_cache(FILE, {**stored(), **known}, KEPT)


def _sound(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(each, (int, float)) and 0 <= each < 1e15 for each in found)


class Costs:
    """The costs of one suite's units.

    Arguments:
        suite: whose work it is.
        keys: of its records.
        metrics: what is measured of each sampling.
        bounds: what is computed beside it.
        known: what trials have found.
    """

    def __init__(
        self, suite: Suite, keys: Keys, metrics: list[Metric], bounds: list[Bound], known: Known | None = None
    ) -> None:
        self._suite = suite
        self._keys = keys
        self._metrics = metrics
        self._bounds = bounds
        self._range = (suite.noise.sigma_min, suite.noise.sigma_max)
        self.known = stored() if known is None else known
        self._evaluations: dict[tuple[int, ...], str] = {}

    # Seconds on one core

    def start(self) -> float:
        """Return what it takes until workers are ready."""
        return self.known.get(self.start_key(), (4.0,))[0]

    def target(self, target: Target) -> float:
        """Return what it takes to measure a target."""
        return sum(self.known.get(self._target_key(target), (5.0,))[:2])

    def building(self, target: Target) -> float:
        """Return what each worker takes to build a target before it does any work with it."""
        return self.known.get(self._target_key(target), (0.0,))[0]

    def data_bytes(self, target: Target) -> float:
        """Return the bytes of a data set's training rows; 0 of another law, and where no trial told."""
        return sum(self.known.get(self._target_key(target), ())[2:3])

    def training(self, learners: list[Learner[str]], course: Course) -> float:
        """Return what a stack of trainings takes."""
        found = self.known.get(self._training_key(learners, course))
        steps = course.lengths[-1]
        return self._suite.trainer.seconds(steps, len(learners)) if found is None else found[0] + steps * found[1]

    def parameter_bytes(self, learners: list[Learner[str]], course: Course) -> float:
        """Return the bytes of the parameters of one network of a stack; 0 where no trial told."""
        return sum(self.known.get(self._training_key(learners, course), ())[2:3])

    def score_errors(self, c: Combination, count: int) -> float:
        """Return what it takes to measure the score errors of so many networks of a kind."""
        found = self.known.get(self._score_error_key(c))
        return 1.0 + 0.5 * count if found is None else SCORE_LEVELS * (found[0] + count * found[1])

    def sampling(self, c: Combination) -> float:
        """Return what one sampling takes, with its metrics."""
        found = self.known.get(self._evaluation_key(c))
        if found is None:
            return 0.1 + c.steps * self._suite.sampling.samples * 5e-6
        return found[0] + c.steps * found[1]

    def held_out(self, target: Target) -> float:
        """Return what the metrics take on a held-out sample."""
        return self.known.get(self._held_out_key(target), (0.3,))[0]

    # Keys of trials: what their seconds depend on

    def start_key(self) -> str:
        """Return the key of the trial that tells what it takes until a worker is ready."""
        return digest(START, *_machine(), installed().digest("harness.engine.worker"))

    def _target_key(self, target: Target) -> str:
        return _key("measure_target", self._keys.of(target), *self._range)

    def _training_key(self, learners: list[Learner[str]], course: Course) -> str:
        taken = [self._taken(learner.components) for learner in learners]
        target = self._keys.original(course.target)
        # A stack of one shape: what differs between its learners is a table, which costs the same.
        sizes = (len(learners), self._suite.trainer.settings())
        return _key("train_networks", self._keys.of(target), self._keys.of(course.network), taken[0], *sizes)

    def _taken(self, components: Mapping[str, Component]) -> dict[str, str]:
        """Return what a training's seconds depend on: a weighting takes time where it learns on the way."""
        busy = {a: c for a, c in components.items() if a != "weighting" or isinstance(c, LearnedWeighting)}
        return {axis: self._keys.of(component) for axis, component in busy.items()}

    def _score_error_key(self, c: Combination) -> str:
        place = self._suite.place()
        return _key("measure_score_errors", self._keys.of(c.target), self._keys.of(c.network), *self._range, place)

    def _evaluation_key(self, c: Combination) -> str:
        # By identity, as `Keys.of`: a suite has many combinations of a few components.
        own = tuple(map(id, (c.target, c.network, *c.taken_by("sampling").values())))
        if own not in self._evaluations:
            self._evaluations[own] = self._named_evaluation(c)
        return self._evaluations[own]

    def _named_evaluation(self, c: Combination) -> str:
        measured = sorted(self._keys.of(each) for each in (*self._metrics, *self._bounds))
        taken = self._keys.taken(c, "sampling")
        parts = (self._keys.of(c.target), self._keys.of(c.network), taken, self._suite.sampling.samples)
        place = [] if c.weighting is None else [self._suite.place()]
        return _key("evaluate_samples", *parts, measured, *self._range, *place)

    def _held_out_key(self, target: Target) -> str:
        measured = sorted(self._keys.of(each) for each in self._metrics)
        return _key("calibrate_metrics", self._keys.of(target), self._suite.sampling.samples, measured)

    # Trials

    def missing(
        self,
        combinations: list[Combination],
        trainings: list[tuple[list[Learner[str]], Course]],
        score_errors: Demand,
    ) -> dict[str, Trial]:
        """Return the trials that are not known yet, by their keys; of score errors those that are asked for.

        Evaluations, which take longest to try, come last; of the others, and of these, the dearest as guessed first.
        """
        found: dict[str, tuple[float, Trial]] = {}
        for key, guess, trial in (*self._of_trainings(trainings), *self._of_combinations(combinations, score_errors)):
            if key not in self.known:
                before = found[key][0] if key in found else 0.0
                found[key] = before + guess, trial

        def place(entry: tuple[str, tuple[float, Trial]]) -> tuple[bool, float]:
            guess, trial = entry[1]
            return isinstance(trial, EvaluationTrial), -guess

        return {key: trial for key, (_, trial) in sorted(found.items(), key=place)}

    def _of_trainings(self, trainings: list[tuple[list[Learner[str]], Course]]) -> Iterator[tuple[str, float, Trial]]:
        for learners, course in trainings:
            trial = TrainingTrial(tuple(learners), course, self._suite.trainer)
            yield self._training_key(learners, course), self.training(learners, course), trial

    def _of_combinations(
        self, combinations: list[Combination], score_errors: Demand
    ) -> Iterator[tuple[str, float, Trial]]:
        low, high = self._range
        metrics = [(self._keys.of(each), each) for each in self._metrics if isinstance(each, SampleMetric)]
        count = self._suite.sampling.samples
        kinds: dict[str, list[Combination]] = {}
        for c in combinations:
            kinds.setdefault(self._evaluation_key(c), []).append(c)
        for key, same in kinds.items():
            # They share target and network, and so what else is tried of them.
            c, times = same[0], len(same)
            yield self._target_key(c.target), times * 5.0, TargetTrial(MeasureTargetJob("trial", c.target, low, high))
            if metrics:
                held_out = HeldOutTrial(CalibrateMetricsJob(c.target, metrics, 0, count, low))
                yield self._held_out_key(c.target), times * self.held_out(c.target), held_out
            training = None if c.weighting is None else self._one(c)
            if training is not None and score_errors.of(c):
                yield self._score_error_key(c), times * 1.0, ScoreErrorTrial(training, low, high)
            yield key, sum(map(self.sampling, same)), EvaluationTrial(self._evaluation(c), training, low, high)

    def _one(self, c: Combination) -> TrainingTrial:
        """Return the trial that makes one network of a combination."""
        assert c.weighting is not None
        learner = Learner(c.weighting, "", 0, components=c.taken_by("training"))
        course = Course(c.target, trainable(c.network), (1,), None)
        return TrainingTrial((learner,), course, self._suite.trainer, self._suite.precision)

    def _evaluation(self, c: Combination) -> EvaluateSamplesJob:
        """Return a sampling without its grid, its network and what it builds on, which the trial makes up.

        Metrics that are fitted take no part: there is no fit to measure by.
        """
        oracle = c.network if isinstance(c.network, OracleNetwork) else None
        return EvaluateSamplesJob(
            key="trial",
            target=c.target,
            network=oracle or TrainedNetwork(trainable(c.network), Blob("", BlobFolder(Path()))),
            sampler=c.sampler,
            initial_law=c.initial_law,
            sigmas=(),
            seed=0,
            count=self._suite.sampling.samples,
            information={},
            score_error=None,
            weighting=None,
            metrics={f"metric {i}": m for i, m in enumerate(self._metrics) if not isinstance(m, FittedMetric)},
            bounds={f"bound {i}": each for i, each in enumerate(self._bounds)},
            components=c.taken_by("sampling"),
        )


def _key(name: str, *parts: object) -> str:
    return digest("trial", *_machine(), unit(name), installed().digest("harness.engine.try_out"), *parts)


def _machine() -> tuple[object, ...]:
    return platform.node(), platform.machine(), os.cpu_count()
