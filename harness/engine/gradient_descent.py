"""Gradient descent: trains as in the paper, θ ← θ − h∇L(θ), full batch, on the fixed objective; averages nothing.

L is that of `harness.engine.objective`. Each network is trained alone, so that none can depend on another. With
`learning_rate = "auto"`, h = `SAFE`/λ_max, λ_max the largest absolute eigenvalue of the Hessian of L at the start, by
power iteration: half of the 2/λ_max beyond which descent on a quadratic diverges. The curvature may grow on the
way, and a learned weighting changes it; a descent that diverges says so. A learned weighting sees all of the objective
before each step but the first, and renews the weights every `every` steps; L is another function from then on.
Source: Wang, He, Tao, arXiv 2406.12839, section 3.1 and Theorem 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.engine.courses import Course, Learner, LevelTable
from harness.engine.laws import distribution
from harness.engine.learned_weights import learned_weight
from harness.engine.modules import DTYPES, flattened, initial_module
from harness.engine.objective import Denoise, Losses, Objective, draw_objective
from harness.engine.random_streams import seed_from
from harness.engine.snapshots import FixedObjective, Snapshot, State
from harness.errors import HarnessError, NotApplicable
from harness.trainers import GradientDescent, Recording
from harness.trajectories import Probes, Trajectory, slowest_level
from harness.weight_learners import WeightRequest

SAFE = 1.0
"""The automatic step size times the largest curvature; 2 is the edge of stability."""

ITERATIONS = 40
"""Of the power method; it is stopped at a relative change of a thousandth."""


def descend(learner: Learner[LevelTable], trainer: GradientDescent, course: Course) -> Iterator[Snapshot]:
    """Train one network; yield it, with its trajectory where it is recorded, at each length of the course."""
    lengths, recording = course.lengths, course.recording
    walk = _Walk(learner, trainer, course)
    marks = {length: recording.steps(length) if recording else [] for length in lengths}
    probes = {length: _probed(steps, recording.probes) if recording else [] for length, steps in marks.items()}
    wanted, probed = set().union(*marks.values()), set().union(*probes.values())
    for step in range(lengths[-1] + 1):
        walk.evaluate()
        if not walk.finite:
            break
        if step in wanted:
            walk.record(step, probe=step in probed)
        if step in marks:
            recorded = walk.trajectory(marks[step], probes[step]) if recording else None
            yield Snapshot(walk.state(), walk.losses.total, None, walk.fixed_objective(), recorded)
        walk.renew(step)
        walk.move()
    for _ in (length for length in lengths if length >= step and not walk.finite):
        yield Snapshot(walk.state(), math.nan, max(step - 1, 0))


def _probed(recorded: Sequence[int], count: int) -> list[int]:
    """Return so many of the recorded steps, evenly spaced, the first and the last among them."""
    if count == 0:
        return []
    chosen = np.unique(np.linspace(0, len(recorded) - 1, min(count, len(recorded))).round().astype(int))
    return [recorded[i] for i in chosen]


@dataclass(frozen=True)
class _Entry:
    """One recorded step."""

    loss: float
    level_loss: np.ndarray
    residual: np.ndarray
    gradient: float
    slowest: int
    rate: float
    distance: float
    probes: list[tuple[bool, float, float, float, float]]


class _Walk:
    """A network on its way down its objective."""

    def __init__(self, learner: Learner[LevelTable], trainer: GradientDescent, course: Course) -> None:
        if course.network.conditional:
            raise NotApplicable(f"{trainer.method} is for networks that are given no labels")
        target = distribution(course.target)
        dtype = DTYPES[trainer.precision]
        self._learner, self._course = learner, course
        self._objective = draw_objective(
            target,
            learner.table,
            seed=learner.seed,
            points=trainer.points,
            level_count=trainer.levels,
            sigma_min=trainer.sigma_min,
            sigma_max=trainer.sigma_max,
        ).to(device=trainer.device, dtype=dtype)
        self._module = initial_module(course.network, target.data, learner.seed).to(device=trainer.device, dtype=dtype)
        self._forward = flattened(course.network, target.data, self._module)
        self._learned = [p for p in self._module.parameters() if p.requires_grad]
        self._start = [p.detach().clone() for p in self._learned]
        request = WeightRequest(target.data, self._objective.sigma, fresh=False)
        self._weight = learned_weight(learner.weighting, request, learner.seed)
        self._renewed: list[int] = []
        self._entries: dict[int, _Entry] = {}
        self._gradient: list[Tensor] = []
        self.losses: Losses
        rate = trainer.learning_rate
        if rate == "auto":
            rate = automatic_rate(self._objective, self._forward, self._learned, learner.seed)
        self.learning_rate = rate

    @property
    def finite(self) -> bool:
        """Whether the loss and its gradient are finite."""
        return math.isfinite(self.losses.total) and all(bool(g.isfinite().all()) for g in self._gradient)

    def evaluate(self) -> None:
        """Compute the loss and its gradient where the network is."""
        loss, self.losses = self._objective(self._forward)
        self._gradient = list(torch.autograd.grad(loss, self._learned))

    def move(self) -> None:
        """Take one step down."""
        with torch.no_grad():
            for p, g in zip(self._learned, self._gradient, strict=True):
                p.sub_(g, alpha=self.learning_rate)

    def renew(self, step: int) -> None:
        """Let a learned weighting learn and renew its weights, when its time has come; not before the first step."""
        if self._weight is None or step == 0:
            return
        squared = self.losses.squared
        sigma = self._objective.sigma[:, None].expand_as(squared)
        omega = self._weight.after(sigma.flatten(), squared.flatten())
        if omega is not None:
            self._objective.set_omega(omega)
            self._renewed.append(step)
            self.evaluate()

    def record(self, step: int, *, probe: bool) -> None:
        """Keep what this step is like."""
        rates = self._objective.rates.numpy()
        slowest = slowest_level(self.losses.level_loss.numpy(), rates)
        gradient = sum(float(g.double().square().sum()) for g in self._gradient)
        moved = zip(self._learned, self._start, strict=True)
        distance = math.sqrt(sum(float((p.detach() - s).double().square().sum()) for p, s in moved))
        probes = self._probes(step, gradient) if probe else []
        losses = self.losses
        measured = (losses.total, losses.level_loss.numpy(), losses.residual.numpy())
        self._entries[step] = _Entry(*measured, gradient, slowest, float(rates[slowest]), distance, probes)

    def _probes(self, step: int, squared: float) -> list[tuple[bool, float, float, float, float]]:
        """Measure the loss around the network: at each radius along random directions, and along −∇L."""
        recording = self._course.recording or Recording()
        here = [p.detach().clone() for p in self._learned]
        length = math.sqrt(sum(float(p.double().square().sum()) for p in self._start))
        generator = torch.Generator().manual_seed(seed_from("probe", self._learner.seed, step))
        ways = [
            (False, [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in here])
            for _ in range(recording.directions)
        ]
        if squared > 0:
            ways.append((True, [-g.double() for g in self._gradient]))
        found = []
        for radius in recording.radii:
            for along, way in ways:
                scale = radius * length / math.sqrt(sum(float(d.square().sum()) for d in way))
                found.append(
                    (along, *self._perturbed(here, [(scale * d).to(p) for d, p in zip(way, here, strict=True)]))
                )
        return found

    def _perturbed(self, here: list[Tensor], shift: list[Tensor]) -> tuple[float, float, float, float]:
        """Return ‖θ' − θ‖, L(θ), L(θ') and ⟨∇L, θ' − θ⟩ for θ' = θ + shift, and go back."""
        with torch.no_grad():
            for p, h, s in zip(self._learned, here, shift, strict=True):
                p.copy_(h + s)
            _, there = self._objective(self._forward)
            moved = [(p - h).double() for p, h in zip(self._learned, here, strict=True)]
            for p, h in zip(self._learned, here, strict=True):
                p.copy_(h)
        slope = sum(float((g.double() * m).sum()) for g, m in zip(self._gradient, moved, strict=True))
        distance = math.sqrt(sum(float(m.square().sum()) for m in moved))
        return distance, self.losses.total, there.total, slope

    def state(self) -> State:
        """Return the module's parameters and buffers in float32, in whichever precision they are evaluated."""
        everything = (*self._module.named_parameters(), *self._module.named_buffers())
        return {name: _single(value.detach()) for name, value in everything}

    def fixed_objective(self) -> FixedObjective:
        """Return the objective as it is now."""
        return FixedObjective(self._objective.sigma.numpy(), self._objective.beta.numpy(), self._objective.points)

    def trajectory(self, recorded: Sequence[int], probed: Sequence[int]) -> Trajectory:
        """Return what was recorded at these steps, and the perturbations of those."""
        entries = [self._entries[step] for step in recorded]
        return Trajectory(
            target=self._course.target.label(),
            network=self._course.network.label(),
            weighting=self._learner.weighting.label(),
            seed=self._learner.seed,
            method=GradientDescent.method,
            objective=GradientDescent.objective,
            dim=self._objective.dim,
            points=self._objective.points,
            learning_rate=self.learning_rate,
            sigma=self._objective.sigma.numpy(),
            beta=self._objective.beta.numpy(),
            rates=self._objective.rates.numpy(),
            renewed=tuple(self._renewed),
            step=np.array(recorded),
            loss=np.array([e.loss for e in entries]),
            level_loss=np.stack([e.level_loss for e in entries]),
            residual=np.stack([e.residual for e in entries]),
            gradient=np.array([e.gradient for e in entries]),
            slowest=np.array([e.slowest for e in entries]),
            rate=np.array([e.rate for e in entries]),
            distance=np.array([e.distance for e in entries]),
            probes=_gathered({step: self._entries[step].probes for step in probed}),
        )


def _single(value: Tensor) -> Tensor:
    return (value.float() if value.is_floating_point() else value).cpu().clone()


def _gathered(probes: dict[int, list[tuple[bool, float, float, float, float]]]) -> Probes | None:
    rows = [(step, *row) for step, found in probes.items() for row in found]
    if not rows:
        return None
    step, along, distance, loss, there, slope = (np.array(column) for column in zip(*rows, strict=True))
    return Probes(step, along, distance, loss, there, slope)


def automatic_rate(objective: Objective, denoise: Denoise, learned: Sequence[Tensor], seed: int) -> float:
    """Return `SAFE`/λ_max of the Hessian of L where the parameters are; arguments as `curvature`.

    Raises:
        HarnessError: the curvature is 0 or not finite, so that no step size follows from it.
    """
    largest = curvature(objective, denoise, learned, seed)
    if not (math.isfinite(largest) and largest > 0):
        raise HarnessError(f"the curvature of the loss at the start is {largest:g}; give learning_rate a number")
    return SAFE / largest


def curvature(objective: Objective, denoise: Denoise, learned: Sequence[Tensor], seed: int) -> float:
    """Return |λ|_max of the Hessian of L in the learned parameters, by power iteration from a random direction.

    Arguments:
        objective: L.
        denoise: the network.
        learned: its parameters that are learned.
        seed: of the direction.
    """
    loss, _ = objective(denoise)
    gradient = torch.autograd.grad(loss, learned, create_graph=True)
    generator = torch.Generator().manual_seed(seed_from("curvature", seed))
    way = [torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p) for p in learned]
    largest = 0.0
    for _ in range(ITERATIONS):
        length = math.sqrt(sum(float(v.double().square().sum()) for v in way))
        if not (math.isfinite(length) and length > 0):
            return length
        way = [v / length for v in way]
        product = torch.autograd.grad(gradient, learned, way, retain_graph=True, materialize_grads=True)
        before, largest = largest, math.sqrt(sum(float(v.double().square().sum()) for v in product))
        way = list(product)
        if abs(largest - before) <= 1e-3 * largest:
            break
    return largest
