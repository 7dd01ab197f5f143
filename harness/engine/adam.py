"""Adam: trains networks on fresh noise, many at once.

Minimises E_{σ ~ p} ω(σ) ‖σS(X_0 + σξ, σ) + ξ‖²/d by Adam on fresh noise, with an exponential moving average of the
parameters. Networks of one shape on one target train stacked, one `torch.func` batch; each sees the same data, labels,
noise and quantiles as any other of its seed, and none of its arithmetic depends on what else is in the stack.

Where memory runs out in a step, the step is computed again of one network after the other, to the same bits; where that
is too much still, of half as many points at once, to the same gradient up to rounding.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.optim.adam import adam

from harness.data_spec import DataSpec
from harness.engine.checks import check_label_dropout, check_layer_outputs
from harness.engine.courses import Learner, LevelTable
from harness.engine.kept_states import KeptStates, alike
from harness.engine.learned_weights import learned_weight
from harness.engine.levels import LevelSampler, table_levels
from harness.engine.mixed_precision import Bfloat16Products
from harness.engine.module_checks import ROUGH, check_alike
from harness.engine.modules import DTYPES, flattened, initial_module
from harness.engine.random_streams import seed_from
from harness.engine.shortage import Together, out_of_memory, tell, with_less
from harness.engine.snapshots import Snapshot, State
from harness.engine.traced import Traced
from harness.errors import NotApplicable
from harness.networks import TrainableNetwork
from harness.targets import Distribution
from harness.trainers import POINTS_MULTIPLE, Adam
from harness.weight_learners import WeightRequest

if TYPE_CHECKING:
    from harness.unfinished import UnfinishedFolder


class Batch(NamedTuple):
    """What W networks are shown in a step.

    Attributes:
        clean: points, shape (W, B, d), of the precision of training.
        noise: of the same shape.
        quantile: of the noise levels, shape (W, B), float64.
        labels: one tensor of shape (W, B), int64, where the networks are given labels; none otherwise.
    """

    clean: Tensor
    noise: Tensor
    quantile: Tensor
    labels: tuple[Tensor, ...] = ()


class Batches:
    """The training data of the seeds in a stack: the same for a seed, whatever stack it is in.

    A batch is filled up to a multiple of `POINTS_MULTIPLE` with its own first points, which count for nothing.
    """

    def __init__(
        self,
        target: Distribution,
        seeds: Sequence[int],
        batch_size: int,
        *,
        labelled: bool = False,
        withheld: float = 0.0,
        dtype: torch.dtype = torch.float32,
        flipped: bool = False,
    ) -> None:
        """Take what batches are drawn from.

        Raises:
            NotApplicable: points are to be flipped, and are no images.
        """
        if flipped and len(target.data.shape) != 3:
            shape = "×".join(map(str, target.data.shape))
            raise NotApplicable(f'augmentation = "flip" mirrors images; a point of this target is of shape {shape}')
        self._target = target
        self._withheld = withheld
        self._dtype = dtype
        self._labelled = labelled
        self._size = batch_size
        self._generators = {s: torch.Generator().manual_seed(seed_from("training", s)) for s in set(seeds)}
        # A stream of its own: with flips all else is drawn as without.
        flips = {s: torch.Generator().manual_seed(seed_from("flips", s)) for s in set(seeds)}
        self._flips = flips if flipped else {}
        self._rows = list(seeds)
        self._fill = torch.arange(batch_size + -batch_size % POINTS_MULTIPLE) % batch_size

    def __call__(self) -> Batch:
        """Return the next batch; B is the batch size, filled up."""
        drawn = {seed: self._draw(seed, generator) for seed, generator in self._generators.items()}
        clean, noise, quantile, *labels = map(torch.stack, zip(*(drawn[seed] for seed in self._rows), strict=True))
        return Batch(clean, noise, quantile, tuple(labels))

    def kept(self, seed: int) -> State:
        """Return where the random streams of a seed stand."""
        state = {"stream": self._generators[seed].get_state()}
        return {**state, "flips": self._flips[seed].get_state()} if self._flips else state

    def restore(self, seed: int, state: State) -> None:
        """Go on where the random streams of a seed stood."""
        self._generators[seed].set_state(state["stream"])
        if self._flips:
            self._flips[seed].set_state(state["flips"])

    def _draw(self, seed: int, generator: torch.Generator) -> list[Tensor]:
        """Draw one seed's part of a batch, in the order of `Batch`."""
        law, size = self._target, self._size
        points, *labels = law.labelled(size, generator) if self._labelled else (law.sample(size, generator),)
        clean = points.to(self._dtype)
        if self._flips:
            clean = self._flipped(clean, self._flips[seed])
        # The same normal numbers in each precision.
        noise = torch.randn(clean.shape, generator=generator).to(self._dtype)
        quantile = torch.rand(self._size, generator=generator, dtype=torch.float64)
        if self._withheld:
            none = torch.rand(size, generator=generator, dtype=torch.float64) < self._withheld
            labels = [each.masked_fill(none, law.classes) for each in labels]
        parts = [clean, noise, quantile, *labels]
        return parts if len(self._fill) == size else [part[self._fill] for part in parts]

    def _flipped(self, points: Tensor, generator: torch.Generator) -> Tensor:
        """Mirror each image left to right with probability 1/2; shape (B, d)."""
        chosen = torch.rand(len(points), generator=generator, dtype=torch.float64) < 0.5
        mirrored = self._target.data.shaped(points).flip(-1).flatten(1)
        return torch.where(chosen[:, None], mirrored, points)


_TRACED: dict[tuple[object, ...], Traced] = {}
"""The operations of a step, by all that they follow from, those that were asked for last at the end."""

MOST_TRACED = 64
"""Shapes of stacks that a process keeps the operations of: a tour of many architectures must not fill its memory."""


class Stack:
    """Networks of one shape, their moving averages and their optimiser.

    The learned parameters of all networks are views of one matrix, a row each, padded so that every row fills whole
    vector registers: the fused optimiser rounds the rest of a row otherwise, and a network would depend on its place
    in the stack. Matrices lie there turned, as a layer's gradient comes: a copy that turns them takes a fifth of a step
    at 1,024 units.

    Attributes:
        together: how much of a step is computed at once: all of it, but at most the trainer's `microbatch`.
    """

    def __init__(self, network: TrainableNetwork, data: DataSpec, seeds: Sequence[int], trainer: Adam) -> None:
        """Make the networks of some seeds; raises like `initial_module`, and where they cannot be stacked."""
        self._network, self._data, self._trainer = network, data, trainer
        dtype = DTYPES[trainer.precision]
        modules = [initial_module(network, data, seed).to(trainer.device, dtype) for seed in seeds]
        check_alike(network, modules)
        self._base = copy.deepcopy(modules[0]).to("meta")
        state, self._buffers = stack_module_state(modules)
        learns = {name: p.requires_grad for name, p in modules[0].named_parameters()}
        self._frozen = {k: v.detach() for k, v in state.items() if not learns[k]}
        learned = {k: v.detach() for k, v in state.items() if learns[k]}
        self._flat = _padded(learned, len(modules))
        self._flat.grad = torch.zeros_like(self._flat)
        self._shapes = {k: _turned(v).shape for k, v in learned.items()}
        self._views, self._gradients = self._split(self._flat), self._split(self._flat.grad)
        self._tensors = {**self._views, **self._frozen, **self._buffers}
        self._averages = [(decay, self._flat.clone()) for decay in trainer.ema_decays]
        self._steps = 0
        self._moments = {name: torch.zeros_like(self._flat) for name in ("exp_avg", "exp_avg_sq")}
        self._count = torch.zeros((), dtype=torch.float32, device=self._flat.device)
        filled = trainer.batch_size + -trainer.batch_size % POINTS_MULTIPLE
        self.together = Together(len(seeds), min(trainer.microbatch or filled, filled))
        self._traced: dict[Together, Traced] = {}
        self._forward: Callable[..., Tensor] = vmap(self._one)

    def _split(self, flat: Tensor) -> State:
        """Return the named parameters inside a matrix like `_flat`, as views."""
        views, start = {}, 0
        for name, shape in self._shapes.items():
            width = math.prod(shape[1:])
            views[name] = _turned(flat[:, start : start + width].view(shape))
            start += width
        return views

    def _one(self, state: State, x: Tensor, sigma: Tensor, *labels: Tensor) -> Tensor:
        def module(*given: Tensor) -> Tensor:
            denoised: Tensor = functional_call(self._base, state, given)
            return denoised

        return flattened(self._network, self._data, module)(x, sigma, *labels)

    def denoise(self, state: State, x: Tensor, sigma: Tensor, *labels: Tensor) -> Tensor:
        """Denoise (W, B, d) points at (W, B) levels, each by its network, perhaps given (W, B) labels.

        Arguments:
            state: what the networks compute with: `tensors`, or others like them.
            x: the points.
            sigma: their levels.
            labels: one tensor, where the networks are given any.
        """
        return self._forward(state, x, sigma, *labels)

    def tensors(self) -> State:
        """Return all that the networks compute with, by name, a row each; not to be changed."""
        return self._tensors

    def roughen(self, seeds: Sequence[int]) -> None:
        """Move each network's parameters away from where they start, where whole layers may be 0."""
        with torch.no_grad():
            for row, seed in enumerate(seeds):
                generator = torch.Generator().manual_seed(seed_from("rough", seed))
                for value in (*self._views.values(), *self._frozen.values()):
                    value[row].add_(ROUGH * torch.randn(value[row].shape, generator=generator).to(value))
            for _, average in self._averages:
                average.copy_(self._flat)

    def parameters(self) -> Tensor:
        """Return the learned parameters, a row for each network; not to be changed."""
        return self._flat.detach()

    def average(self, place: int = 0) -> Tensor:
        """Return a moving average of the learned parameters, of the shape of `parameters`; not to be changed.

        Arguments:
            place: of its decay among those of the trainer.
        """
        return self._averages[place][1]

    def gradient(self) -> Tensor:
        """Return the gradient of each network's own loss, of the shape of `parameters`."""
        assert self._flat.grad is not None
        return self._flat.grad

    def differentiate(
        self, clean: Tensor, noise: Tensor, sigma: Tensor, weight: Tensor, *labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Compute the gradient of each network's loss Σ_b ω‖σS + ξ‖²/(Bd); return ‖σS + ξ‖² and the losses.

        No more at a time than `together` says.

        Arguments:
            clean: points, shape (W, B, d), filled up; like all that follows of the stack's precision and device.
            noise: of the same shape.
            sigma: levels, shape (W, B).
            weight: ω, shape (W, B); 0 at the points that fill a batch up.
            labels: one tensor of shape (W, B), where the networks are given any.

        Returns:
            Shapes (W, B) and (W,), without a graph.
        """
        batch, (networks, points) = (clean, noise, sigma, weight, *labels), self.together
        state, gradients = list(self._tensors.values()), list(self._gradients.values())
        if networks >= len(clean):
            return self._summed(state, gradients, batch, points)
        rows = (slice(row, row + networks) for row in range(0, len(clean), networks))
        given = (([each[some] for each in tensors] for tensors in (state, gradients, batch)) for some in rows)
        squared, loss = zip(*(self._summed(own, ahead, part, points) for own, ahead, part in given), strict=True)
        return torch.cat(squared), torch.cat(loss)

    def _summed(
        self, state: Sequence[Tensor], gradients: Sequence[Tensor], batch: Sequence[Tensor], most: int
    ) -> tuple[Tensor, Tensor]:
        """Compute as `differentiate`, at most so many points at a time.

        Arguments:
            state: of some networks, all that they compute with.
            gradients: where theirs are written.
            batch: what these networks are shown.
            most: points that are computed together.
        """
        places = range(0, batch[0].shape[1], most)
        parts = (tuple(each[:, place : place + most].contiguous() for each in batch) for place in places)
        found = [self._accumulate(state, gradients, number, part) for number, part in enumerate(parts)]
        squared, loss = zip(*found, strict=True)
        return found[0] if len(found) == 1 else (torch.cat(squared, 1), torch.stack(loss).sum(0))

    def _accumulate(
        self, state: Sequence[Tensor], places: Sequence[Tensor], number: int, part: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Add the gradient of a part of the batch, the first's in place of what was; return its ‖σS + ξ‖² and loss."""
        given, size = (*state, *part), Together(*part[0].shape[:2])
        if size not in self._traced:
            self._traced[size] = self._trace(given)
        squared, loss, *gradients = self._traced[size](*given)
        for place, gradient in zip(places, gradients, strict=True):
            if number:
                place.add_(gradient)
            else:
                place.copy_(gradient)
        return squared, loss

    def _trace(self, given: Sequence[Tensor]) -> Traced:
        """Return the operations of a step: those that another stack of this shape came down to, if there was one."""
        shapes = ((tensor.shape, tensor.dtype, tensor.device) for tensor in given)
        key = (self._network, self._data, self._trainer.batch_size, self._trainer.autocast, *shapes)
        found = _TRACED.pop(key) if key in _TRACED else Traced(self._derivatives, given)
        _TRACED[key] = found
        if len(_TRACED) > MOST_TRACED:
            del _TRACED[next(iter(_TRACED))]
        return found

    def _derivatives(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return ‖σS + ξ‖², the losses, and the gradients by what is learned, from all that a step depends on."""
        state = dict(zip(self._tensors, given, strict=False))
        learned = {name: state[name].detach().requires_grad_() for name in self._views}
        clean, noise, sigma, weight, *labels = given[len(state) :]
        with torch.enable_grad():
            noised = clean + sigma[..., None] * noise
            with Bfloat16Products() if self._trainer.autocast else nullcontext():
                denoised = self.denoise({**state, **learned}, noised, sigma, *labels)
            residual = (noised - denoised) / sigma[..., None] - noise
            squared = residual.square().sum(-1)
            loss = (weight * squared).sum(-1) / (self._trainer.batch_size * clean.shape[-1])
            gradients = torch.autograd.grad(loss.sum(), list(learned.values()), materialize_grads=True)
        return squared.detach(), loss.detach(), *gradients

    def _clip(self, most: float) -> None:
        """Shorten the gradients that are longer than this, each of one network, to it."""
        # Row by row: a sum over one row takes the same order in every stack.
        norm = torch.stack([torch.linalg.vector_norm(row, dtype=torch.float64) for row in self.gradient()])
        self.gradient().mul_((most / norm).clamp(max=1)[:, None].to(self._flat.dtype))

    @torch.no_grad()
    def _move(self, rate: float) -> None:
        """Take Adam's step as `torch.optim.Adam` does, whose first object would import a compiler: 2 s a process."""
        first, second = self._moments.values()
        adam(
            [self._flat],
            [self.gradient()],
            [first],
            [second],
            [],
            [self._count],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )

    def descend(self) -> None:
        """Take one step down the gradient, clipped where the trainer says so, at the rate of the step."""
        if self._trainer.clip_norm is not None:
            self._clip(self._trainer.clip_norm)
        self._move(self._trainer.rate(self._steps))
        for decay, average in self._averages:
            average.lerp_(self._flat.detach(), 1 - min(decay, (1 + self._steps) / (10 + self._steps)))
        self._steps += 1

    def kept(self, row: int) -> State:
        """Return all of one network that training changes, on the CPU; a copy."""
        changing = {"parameters": self._flat}
        changing |= {f"average{place}": average for place, (_, average) in enumerate(self._averages)}
        changing |= self._moments
        return {name: value[row].detach().cpu().clone() for name, value in changing.items()}

    def restore(self, step: int, states: Sequence[State]) -> None:
        """Go on after so many steps from what `kept` returned of each network."""
        rows = {name: torch.stack([state[name] for state in states]).to(self._flat) for name in states[0]}
        self._flat.copy_(rows["parameters"])
        for place, (_, average) in enumerate(self._averages):
            average.copy_(rows[f"average{place}"])
        for name, moment in self._moments.items():
            moment.copy_(rows[name])
        self._count.fill_(step)
        self._steps = step

    def state(self, row: int, place: int = 0) -> State:
        """Return one network's averaged parameters, frozen parameters and buffers, on the CPU; `place` as `average`."""
        everything = {**self._split(self.average(place)), **self._frozen, **self._buffers}
        return {
            name: value[row].cpu().clone(memory_format=torch.contiguous_format) for name, value in everything.items()
        }


def _turned(value: Tensor) -> Tensor:
    """Return a parameter of a stack, shape (W, …), with a matrix's rows as its columns."""
    return value.transpose(1, 2) if value.ndim == 3 else value


def _padded(parameters: State, rows: int) -> Tensor:
    """Return stacked parameters as one matrix, a row for each network, padded with zeros to a multiple of 16."""
    flat = torch.cat([_turned(value).reshape(rows, -1) for value in parameters.values()], dim=1)
    return nn.functional.pad(flat, (0, -flat.shape[1] % 16))


Watch = Callable[[int, Stack, LevelSampler, Tensor, Tensor, Tensor], None]
"""Is shown a step before its update: its number, the networks, what draws levels; then of the batch, without a graph,
levels σ, weights ω of mean 1 and ‖σS + ξ‖², shapes (W, B)."""


def train(
    network: TrainableNetwork,
    target: Distribution,
    learners: Sequence[Learner[LevelTable]],
    trainer: Adam,
    lengths: Sequence[int],
    watch: Watch | None = None,
    unfinished: UnfinishedFolder | None = None,
) -> Iterator[list[Snapshot]]:
    """Train a stack; yield the snapshots of all learners after each of `lengths` steps.

    Of a learner there is one for each decay of the trainer's moving averages, in their order.

    Arguments:
        network: the shape that all networks share.
        target: where the clean points come from.
        learners: one for each network of the stack.
        trainer: how fast, on which levels.
        lengths: numbers of steps, increasing.
        watch: is shown every step of one stack (`stacks` tells which there are); it changes nothing.
        unfinished: where the states of networks are kept on the way, and taken from where they are found.

    Raises:
        DiskError: a state cannot be written.
    """
    parts = [part for each in stacks(network, target, learners, trainer) for part in alike(unfinished, each)]
    if len(parts) > 1:
        trainings = [train(network, target, part, trainer, lengths, watch, unfinished) for part in parts]
        yield from side_by_side(trainings)
        return
    training = _Training(network, target, learners, trainer, lengths)
    kept = None if unfinished is None else KeptStates(unfinished, learners, lengths[-1])
    if kept is not None and (states := kept.found()) is not None:
        training.restore(states)
    yield from training.passed
    while training.step < lengths[-1]:
        training.advance(watch)
        if training.step in lengths:
            yield training.arrive()
            if kept is None:
                training.passed.clear()
        # Where some weighting cannot tell its state there is none of the stack.
        if kept is not None and kept.due() and (states := training.kept()) is not None:
            kept.keep(training.step, states)


class _Training:
    """A stack on its way.

    Attributes:
        step: how many updates there were.
        passed: the snapshots of all networks at each of the lengths up to there.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        target: Distribution,
        learners: Sequence[Learner[LevelTable]],
        trainer: Adam,
        lengths: Sequence[int],
    ) -> None:
        self._seeds = [learner.seed for learner in learners]
        self._decays = torch.tensor(trainer.ema_decays, dtype=torch.float64)
        self._count = len(trainer.ema_decays)
        self._size, self._lengths = trainer.batch_size, lengths
        self._stack = Stack(network, target.data, self._seeds, trainer)
        self._batches = _batches(network, target, self._seeds, trainer)
        levels = table_levels(trainer.sigma_min, trainer.sigma_max)
        columns = zip(*(learner.table for learner in learners), strict=True)
        density, omega = (torch.stack(column) for column in columns)
        self._draw = LevelSampler(levels, density, omega)
        request = WeightRequest(target.data, levels)
        self._weights = [learned_weight(learner.weighting, request, learner.seed) for learner in learners]
        shape = (lengths[-1], len(learners))
        self._history = torch.full(shape, float("nan"), dtype=torch.float64, device=trainer.device)
        self._start, self._earlier = time.perf_counter(), [0.0] * len(learners)
        self.step = 0
        self.passed: list[list[Snapshot]] = []

    def advance(self, watch: Watch | None) -> None:
        """Take one step."""
        stack, draw, size = self._stack, self._draw, self._size
        sigma, omega, given = _drawn(stack, self._batches, draw, size)
        squared, loss = self._differentiate(given)
        if watch is not None:
            watch(self.step, stack, draw, sigma[:, :size], omega[:, :size], squared[:, :size].cpu())
        stack.descend()
        self._history[self.step] = loss
        for row, weight in enumerate(self._weights):
            renewed = None if weight is None else weight.after(sigma[row, :size], squared[row, :size].cpu())
            if renewed is not None:
                draw.set_omega(row, renewed)
        self.step += 1

    def _differentiate(self, given: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Compute the gradient of a step, where memory runs out with less at once from there on."""

        def attempt(together: Together) -> tuple[Tensor, Tensor]:
            self._stack.together = together
            return self._stack.differentiate(*given)

        return with_less(attempt, self._stack.together)[0]

    def arrive(self) -> list[Snapshot]:
        """Return the networks as they are, at one of the lengths: of each, one for each decay, in their order."""
        known = self._history[: self.step].cpu()
        places = itertools.product(range(len(self._seeds)), range(self._count))
        self.passed.append([_snapshot(self._stack, known[:, r], r, place, self._earlier[r]) for r, place in places])
        return self.passed[-1]

    def kept(self) -> list[State] | None:
        """Return all of each network that training changes, and its snapshots; None where a weighting cannot tell."""
        weights = [{} if weight is None else weight.kept() for weight in self._weights]
        known = [weight for weight in weights if weight is not None]
        if len(known) < len(weights):
            return None
        share = (time.perf_counter() - self._start) / len(self._seeds)
        states = []
        for row, (seed, weight) in enumerate(zip(self._seeds, known, strict=True)):
            passed = [snapshots[row * self._count : (row + 1) * self._count] for snapshots in self.passed]
            own = {
                "step": torch.tensor(self.step),
                "seconds": torch.tensor(self._earlier[row] + share, dtype=torch.float64),
                "lengths": torch.tensor(self._lengths[: len(passed)], dtype=torch.int64),
                "decays": self._decays,
                "history": self._history[: self.step, row].cpu().clone(),
                "omega": self._draw.omega[row].clone(),
                "points": torch.tensor(self._stack.together.points),
            }
            parts = {"stack": self._stack.kept(row), "batches": self._batches.kept(seed), "weight": weight}
            parts |= {f"passed{k}-{i}": each.kept() for k, some in enumerate(passed) for i, each in enumerate(some)}
            states.append({**own, **_named(parts)})
        return states

    def _continues(self, state: State, step: int, lengths: Sequence[int]) -> bool:
        """Whether a state is of this step, of these lengths before it, and of the averages that are wanted."""
        same = int(state["step"]) == step and state["lengths"].tolist() == list(lengths)
        return same and torch.equal(state["decays"], self._decays)

    def restore(self, states: Sequence[State]) -> None:
        """Go on from what `kept` returned; from the start where that is not of one step, these lengths and averages."""
        step = int(states[0]["step"])
        wanted = [length for length in self._lengths if length <= step]
        if not all(self._continues(state, step, wanted) for state in states):
            return
        self.step, self._earlier = step, [float(state["seconds"]) for state in states]
        self._stack.restore(step, [_part(state, "stack") for state in states])
        self._limit(min(int(state["points"]) for state in states))
        for row, (seed, weight, state) in enumerate(zip(self._seeds, self._weights, states, strict=True)):
            self._batches.restore(seed, _part(state, "batches"))
            self._draw.omega[row] = state["omega"]
            self._history[:step, row] = state["history"].to(self._history)
            if weight is not None:
                weight.restore(step, _part(state, "weight"))
        parts = [[f"passed{k}-{i}" for i in range(self._count)] for k in range(len(wanted))]
        self.passed = [[Snapshot.restored(_part(state, p)) for state in states for p in named] for named in parts]

    def _limit(self, points: int) -> None:
        """Compute no more points at once, where memory ran out before the training was cut off."""
        before = self._stack.together
        if points < before.points:
            self._stack.together = before._replace(points=points)
            tell(before, self._stack.together, in_parts=True)


def _named(parts: Mapping[str, State]) -> State:
    """Return the tensors of several parts as one state."""
    return {f"{part}.{name}": value for part, state in parts.items() for name, value in state.items()}


def _part(state: State, part: str) -> State:
    """Return the tensors of one of the parts that `_named` joined."""
    return {name.removeprefix(f"{part}."): value for name, value in state.items() if name.startswith(f"{part}.")}


def _drawn(stack: Stack, batches: Batches, draw: LevelSampler, size: int) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Draw the batch of a step; return σ and ω of shape (W, B), and what the stack differentiates."""
    batch, like = batches(), stack.parameters()
    sigma, omega = draw(batch.quantile)
    omega[:, size:] = 0
    given = [each.to(like) for each in (batch.clean, batch.noise, sigma, omega)]
    return sigma, omega, [*given, *(each.to(like.device) for each in batch.labels)]


def _batches(network: TrainableNetwork, target: Distribution, seeds: Sequence[int], trainer: Adam) -> Batches:
    dtype = DTYPES[trainer.precision]
    withheld = check_label_dropout(network)
    options = {"labelled": network.conditional, "flipped": trainer.augmentation == "flip"}
    return Batches(target, seeds, trainer.batch_size, **options, withheld=withheld, dtype=dtype)


def stacks(
    network: TrainableNetwork, target: Distribution, learners: Sequence[Learner[LevelTable]], trainer: Adam
) -> list[Sequence[Learner[LevelTable]]]:
    """Return the learners that train together: as many as memory allows, or each alone where that changes a bit.

    One after the other: a step holds the memory of one stack.

    Raises:
        ContractError: the network does not say how many numbers its layers put out.
    """
    most = trainer.together(check_layer_outputs(network, target.data))
    parts = np.array_split(np.arange(len(learners)), -(-len(learners) // most))
    found: list[Sequence[Learner[LevelTable]]] = []
    for part in ([learners[i] for i in places] for places in parts):
        whole = len(part) == 1 or separable(network, target, [learner.seed for learner in part], trainer)
        found += [part] if whole else [[learner] for learner in part]
    return found


def side_by_side(trainings: Sequence[Iterator[list[Snapshot]]]) -> Iterator[list[Snapshot]]:
    """Carry out several trainings of the same lengths; yield the networks of all after each length, in their order."""
    for parts in zip(*trainings, strict=True):
        yield [snapshot for part in parts for snapshot in part]


def separable(network: TrainableNetwork, target: Distribution, seeds: Sequence[int], trainer: Adam) -> bool:
    """Whether networks of one stack train to the bits that each has alone, on this machine, in this process.

    Libraries choose their kernels by shape, so that it depends on the machine and the network; it is tried, on one
    step from rough parameters (no layer is still at zero there), once for each shape, device and precision. Where it
    does not hold, or memory runs out, `train` trains each network alone, so that none ever depends on its stack.
    """
    points, place = (trainer.batch_size, trainer.microbatch), (trainer.device, trainer.precision, trainer.autocast)
    shape = (network, target.data, len(seeds), *points, *place)
    if shape not in _SEPARABLE:
        try:
            together = _tried(network, target, seeds, trainer)
            alone = torch.cat([_tried(network, target, [seed], trainer) for seed in seeds])
        except Exception as error:
            if not out_of_memory(error):
                raise
            tell(f"{len(seeds)} networks", "one after the other", in_parts=False)
            return False
        _SEPARABLE[shape] = bool(((together == alone) | (together.isnan() & alone.isnan())).all())
    return _SEPARABLE[shape]


_SEPARABLE: dict[tuple[object, ...], bool] = {}
"""What `separable` found in this process, by all that kernels are chosen by: shape of the stack, device, precision."""


def _tried(network: TrainableNetwork, target: Distribution, seeds: Sequence[int], trainer: Adam) -> Tensor:
    """Return what one step makes of a stack, a row for each network: losses, gradients, parameters, averages."""
    stack = Stack(network, target.data, seeds, trainer)
    stack.roughen(seeds)
    levels = table_levels(trainer.sigma_min, trainer.sigma_max)
    flat = (1 / levels).expand(len(seeds), -1)
    draw = LevelSampler(levels, flat, torch.ones_like(flat))
    batches = _batches(network, target, seeds, trainer)
    _, _, given = _drawn(stack, batches, draw, trainer.batch_size)
    squared, loss = stack.differentiate(*given)
    stack.descend()
    return torch.cat([loss[:, None], squared, stack.gradient(), stack.parameters(), stack.average()], 1)


def _snapshot(stack: Stack, history: Tensor, row: int, place: int, earlier: float) -> Snapshot:
    finite = history.isfinite()
    diverged = None if bool(finite.all()) else int((~finite).nonzero()[0])
    tail = history[-max(1, len(history) // 10) :]
    state = stack.state(row, place)
    if diverged is None and not all(bool(v.isfinite().all()) for v in state.values()):
        diverged = len(history) - 1
    return Snapshot(state, float(tail.mean()), diverged, earlier=earlier)
