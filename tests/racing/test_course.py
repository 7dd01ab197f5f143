"""The course of a recommendation, on made-up outcomes: what it races, what it drops, and what comes back."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from harness.metrics import Measurement
from harness.racing.carried_out import Pace
from harness.racing.course import CHECK, CROSSED, RACES, TRAININGS, RecommendCourse
from harness.results.recommendation import LISTED

TRAINING_NAMES, PAIRS = ("a", "b", "c"), ("p", "q", "r")


@dataclass(frozen=True)
class FakePart:
    name: str

    def label(self):
        return self.name


class FakeDesign:
    """A combination of a training and a pair, both by their names."""

    train_steps = 1
    ema_decay = None

    def __init__(self, training, pair, place):
        self.weighting = self.target = FakePart(training)
        self.sampler = self.time_discretization = pair
        self.place = place

    def taken_by(self, phase):
        return {"weighting": self.weighting}


class Made:
    """An outcome with values by seed."""

    reason, applicable = None, True

    def __init__(self, training, values, name):
        self.ok, self.networks, self.shared_network = (
            True,
            tuple(f"{training}{s}" for s in range(len(values))),
            (training,),
        )
        self.seeds, self.values, self.design = tuple(range(len(values))), values, name
        self.seconds = {"train": 4.0 * len(values), "sample": 0.5 * len(values), "measure": 0.5 * len(values)}

    def measured(self, metric):
        return {seed: Measurement(float(v), 0.0) for seed, v in zip(self.seeds, self.values, strict=True)}


class World:
    """Designs with known means of ln of the metric, by training and pair."""

    def __init__(self, means, seed, noise=0.02, seeds=(2, 4, 8)):
        rng, self.combinations, self.values = np.random.default_rng(seed), [], []
        shared = rng.normal(0, 0.1, seeds[-1])
        for i, training in enumerate(TRAINING_NAMES):
            own = rng.normal(0, noise, seeds[-1])
            for j, pair in enumerate(PAIRS):
                self.combinations.append(FakeDesign(training, pair, (i, j)))
                self.values.append(np.exp(means[i][j] + shared + own + noise * rng.normal(size=seeds[-1])))
        self.course = RecommendCourse(self.combinations, [("p", "p")], 0, seeds, "metric", "ratio", margin=0.02)

    def outcomes(self, allotment):
        return [
            Made(TRAINING_NAMES[c.place[0]], values[:n], i) if n else None
            for i, (c, values, n) in enumerate(zip(self.combinations, self.values, allotment, strict=True))
        ]

    def race(self, time=None, start=0):
        """Race to the end; `time`: how many offers fit, counted from the last; `start`: which start."""
        allotment = self.course.starts()[start]
        self.course.cut(start)
        rounds = [allotment]
        while offers := self.course.look(self.outcomes(allotment)):
            chosen = 0 if time is None else time(offers, len(rounds))
            self.course.cut(chosen)
            if chosen is None:
                break
            allotment = offers[chosen]
            rounds.append(allotment)
        return rounds


def test_first_trainings_by_the_reference_alone_and_the_default():
    world = World([[0.0] * 3] * 3, 0)
    assert [i for i, n in enumerate(world.course.start()) if n] == [0, 3, 6]


def test_a_bad_training_is_dropped_and_no_time_is_spent_on_crossing_it():
    world = World([[0.0, 0.1, 0.2], [1.0, 1.0, 1.0], [1.2, 1.2, 1.2]], 1)
    rounds = world.race()
    assert world.course.leader == 0
    assert world.course.race.end == "one design is left"
    assert world.course.steps[0].left == 1
    # The dropped ones are seen once more, with the pair that leads.
    assert sum(n > 0 for n in rounds[-1]) == 5
    assert [step.over for step in world.course.steps][:2] == [TRAININGS, CROSSED]


def test_a_training_that_the_reference_wrongs_comes_back():
    """b is the worst by the reference p, and the best of all with q, which leads for a as well: an interaction."""
    world = World([[0.0, -0.5, 0.5], [1.0, -1.0, 1.0], [1.1, 1.1, 1.1]], 2)
    world.race()
    assert world.course.leader == 4
    assert CHECK in [step.over for step in world.course.steps]


def few_at_a_time(reasons, means=(0.0, 0.0, 0.0)):
    """A course over (a, p), (a, q) and (b, p) after its first round; why the trainings failed, where they did."""
    designs = [FakeDesign(*each, None) for each in (("a", "p"), ("a", "q"), ("b", "p"))]
    course = RecommendCourse(designs, [("p", "p")], 2, (2, 4), "metric", "ratio", margin=0.02)
    outcomes = [None] * len(designs)
    for i, (design, n, mean) in enumerate(zip(designs, course.start(), means, strict=True)):
        if n:
            outcomes[i] = made = Made(design.weighting.name, np.exp(mean + np.array([0.0, 0.001 * i])), i)
            made.reason, made.not_applicable = reasons.get(design.weighting.name), {}
            made.ok = made.reason is None
    course.look(outcomes)
    return course


def test_a_choice_whose_every_training_failed_is_no_matter_of_time():
    course = few_at_a_time({"a": "training diverged"})
    assert course.without_value([0]) == ("no value", "training diverged")
    assert course.without_value([1]) == ("no value", "each training that it goes with failed: training diverged")


def test_a_choice_whose_every_training_is_worse_is_no_matter_of_time():
    told = few_at_a_time({}, means=(9.0, 0.0, 0.0)).without_value([1])
    assert told == ("not tried", "no training that it goes with was left: others are better")


def test_a_choice_that_no_round_came_to_lacked_time():
    assert few_at_a_time({}).without_value([1]) == ("not tried", None)


def test_where_designs_are_near_further_seeds_go_to_those_that_are_left():
    world = World([[0.0, 0.03, 1.0], [0.03, 0.03, 1.0], [1.0, 1.0, 1.0]], 3)
    rounds = world.race()
    assert RACES in [step.over for step in world.course.steps]
    last = rounds[-1]
    assert last[2] == last[5] == 2
    assert max(last) > 2


def test_without_time_the_better_half_goes_on_with_the_default():
    world = World([[0.05, 0.04, 0.03], [0.0, 0.01, 0.02], [0.03, 0.03, 0.03]], 4)
    world.race(time=lambda offers, done: len(offers) - 1 if done > 1 else 0)
    assert world.course.cut_designs
    assert world.course.leader not in world.course.cut_designs
    assert 0 not in world.course.cut_designs
    assert sum(step.cut for step in world.course.steps) == len(world.course.cut_designs)


def test_out_of_time_after_the_first_round_there_still_is_an_answer():
    world = World([[0.0] * 3, [0.5] * 3, [1.0] * 3], 5)
    world.race(time=lambda offers, done: None)
    assert world.course.out_of_time
    assert world.course.leader == 0
    assert world.course.race.left == [0]


def test_a_first_round_that_is_too_long_begins_with_the_default_and_half_of_the_trainings():
    world = World([[0.02, 0.01, 0.03], [0.0] * 3, [0.01] * 3], 4)
    whole, *fewer = world.course.starts()
    assert whole == world.course.start()
    assert [[i for i, n in enumerate(each) if n] for each in fewer] == [[0, 3]]


def test_what_the_first_round_had_no_time_for_is_told_and_has_its_turn_with_the_third():
    """c is the best; it is not among the first two."""
    means = [[0.1, 0.11, 0.1], [0.0] * 3, [-1.0] * 3]
    alone, together = (World(means, 4) for _ in range(2))
    for world, time in ((alone, lambda offers, done: 0 if done < 2 else None), (together, None)):
        world.race(time, start=1)
        assert world.course.steps[0].over == LISTED
        assert (world.course.steps[0].raced, world.course.steps[1].raced) == (9, 2)
        assert not world.course.settled
    assert alone.course.cut_designs == {6, 7, 8}
    assert alone.course.steps[0].cut == 3
    assert alone.course.leader in {3, 4, 5}
    assert together.course.leader in {6, 7, 8}
    assert together.course.cut_designs == {6, 7, 8} - {together.course.leader}
    assert together.course.steps[0].cut == 2


def test_of_two_references_the_last_resort_is_one():
    world = World([[0.0] * 3] * 3, 4)
    pairs = [("p", "p"), ("q", "q")]
    course = RecommendCourse(world.combinations, pairs, 0, (2, 4), "metric", "ratio", margin=0.02)
    assert [sum(map(bool, each)) for each in course.starts()] == [6, 4, 2]


def test_nothing_is_settled_before_dropped_trainings_were_seen_again():
    """One design is left of those that are crossed; there is no time to see whether another training beats it there."""
    means = [[0.0, 0.1, 0.2], [1.0, 1.0, 1.0], [1.2, 1.2, 1.2]]
    whole, cut = (World(means, 1, noise=0.001) for _ in range(2))
    whole.race()
    cut.race(time=lambda offers, done: None if done == 2 else 0)
    assert cut.course.race.end == whole.course.race.end == "one design is left"
    assert (whole.course.settled, whole.course.end) == (True, "one design is left")
    assert (cut.course.settled, cut.course.end) == (False, "out of time")


def test_names_of_one_design_stay_one_when_one_of_them_has_more_seeds():
    world = World([[0.0, 0.0, 0.02], [1.0] * 3, [1.0] * 3], 7)
    world.values[1] = world.values[0]
    outcomes = world.outcomes

    def alike(allotment):
        found = outcomes(allotment)
        if found[1] is not None:
            found[1].design = f"one design, {allotment[1]} seeds"
        if found[0] is not None:
            found[0].design = f"one design, {allotment[0]} seeds"
        return found

    world.outcomes = alike
    last = world.race()[-1]
    assert last[0] > last[1] > 0
    assert [world.course.first_name(i) for i in (0, 1, 2)] == [0, 0, 2]


@pytest.mark.parametrize("gap", [0.01, 0.03])
def test_the_best_is_kept_in_95_per_cent_of_races(gap):
    lost, trials = 0, 120
    for seed in range(trials):
        world = World([[0.0, gap, 2 * gap], [gap] * 3, [2 * gap] * 3], 100 + seed)
        world.race()
        lost += 0 not in world.course.race.left
    assert lost <= stats.binom.ppf(0.999, trials, 0.05)


def test_the_pace_counts_a_network_once_for_all_that_sample_from_it():
    world = World([[0.0] * 3] * 3, 6)
    pace = Pace.of(world.outcomes([2] * 9))
    assert (pace.training, pace.sampling) == pytest.approx((4.0, 1.0))
    more = pace.seconds(world.combinations, [2] * 9, [4] * 3 + [2] * 6)
    assert more == pytest.approx(2 * 4.0 + 6 * 1.0)
