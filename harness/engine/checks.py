"""Checks: hold what a component returned against its contract, at the border to the engine.

A plugin computes with plain tensors and may be wrong. Each check returns the value in the form that the
engine uses, or raises an error of one line that names the component, its distribution and the rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from numbers import Integral
from typing import TYPE_CHECKING, Any

from harness.components import Component, describe_axis
from harness.errors import ContractError, DiskError, NotApplicable, failure_line
from harness.registry.provenance import distribution_of

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.data_spec import DataSpec
    from harness.information import Information
    from harness.initial_laws import Start
    from harness.metrics import FittedMetric
    from harness.networks import TrainableNetwork
    from harness.noise_schedules import NoiseSchedule
    from harness.samplers import Sampler
    from harness.targets import Distribution, Target
    from harness.weight_learners import WeightLearner
    from harness.weightings import Weighting

END_POINTS = 1e-6
"""Relative rounding allowed at the ends of a grid, which are then set exactly."""

NOISE = 1e-3
"""Error allowed to a curve, a coordinate: it may have been measured."""

DIGITS = 12
"""Significant digits of a grid's levels: rounding must not tell equal grids of two schedules apart."""


def name_of(component: Component) -> str:
    """Return a component's axis and name, the name qualified by its distribution where it has one."""
    distribution = distribution_of(component)
    prefix = f"{distribution}/" if distribution else ""
    return f"{describe_axis(type(component))} {prefix}{component.label()}"


@contextmanager
def blamed(component: Component, what: str) -> Iterator[None]:
    """Name the component in whatever it raises within, but for what names one already.

    Raises:
        ContractError: in place of any other exception but those that say something else: `NotApplicable`, `DiskError`.
    """
    try:
        yield
    except (ContractError, DiskError, NotApplicable):
        raise
    except Exception as error:
        raise _broken(component, what, failure_line(error)) from error


def check_grid(
    levels: Tensor | np.ndarray, component: Component, steps: int, sigma_min: float, sigma_max: float
) -> np.ndarray:
    """Check what a time discretization laid out.

    Arguments:
        levels: what it returned.
        component: the time discretization.
        steps: the number N of steps.
        sigma_min: the last level.
        sigma_max: the first level.

    Returns:
        Shape (N+1,), float64: the levels to 12 significant digits, the end points exact.

    Raises:
        ContractError: a wrong shape, a level that is not finite, end points that miss, or no strict decrease.
    """
    import numpy as np

    grid = _vector(levels, component, "levels", steps + 1)
    for level, wanted, word in ((grid[0], sigma_max, "start"), (grid[-1], sigma_min, "end")):
        if abs(level - wanted) > END_POINTS * wanted:
            raise _broken(component, "levels", f"{level:g} at the {word}; it must be {wanted:g}")
    grid = np.array([float(f"{level:.{DIGITS - 1}e}") for level in grid])
    grid[0], grid[-1] = sigma_max, sigma_min
    rising = np.flatnonzero(np.diff(grid) >= 0)
    if rising.size:
        j = int(rising[0])
        pair = f"{grid[j]:g} then {grid[j + 1]:g} at step {j + 1}"
        raise _broken(component, "levels", f"{pair}; they must strictly decrease")
    return grid


def check_weighting_table(weighting: Weighting, sigma: Tensor, sigma_data: float) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate a weighting, checked.

    Arguments:
        weighting: the weighting.
        sigma: noise levels, shape (K,), float64, increasing.
        sigma_data: standard deviation of the data, per coordinate.

    Returns:
        The density p and the weight ω at the levels, each of shape (K,), float64.

    Raises:
        ContractError: either has a wrong shape or a value that is not finite, p is negative or 0 everywhere,
            or ω is not positive.
    """
    with blamed(weighting, "density"):
        density = _vector(weighting.density(sigma.clone(), sigma_data), weighting, "density", len(sigma))
    if (density < 0).any():
        j = int((density < 0).argmax())
        raise _broken(weighting, "density", f"{density[j]:g} at sigma = {sigma[j]:g}; it must not be negative")
    if not density.any():
        raise _broken(weighting, "density", "0 at every level; it must be positive somewhere")
    with blamed(weighting, "omega"):
        omega = _vector(weighting.omega(sigma.clone(), sigma_data), weighting, "omega", len(sigma))
    _positive(omega, weighting, "omega", [f"sigma = {level:g}" for level in sigma.tolist()])
    return density, omega


def check_masses(masses: Tensor, weighting: Weighting, levels: int) -> np.ndarray:
    """Check the masses that a weighting puts on the levels of a grid.

    Returns:
        Shape (N,), float64, the largest 1: no factor is so large or small that a sum or a product leaves the numbers.

    Raises:
        ContractError: a wrong shape, or a value that is not finite, negative, or 0 everywhere.
    """
    table = _vector(masses, weighting, "masses", levels)
    if (table < 0).any():
        j = int((table < 0).argmax())
        raise _broken(weighting, "masses", f"{table[j]:g} at level {j}; it must not be negative")
    if not table.any():
        raise _broken(weighting, "masses", "0 at every level; it must be positive somewhere")
    scaled: np.ndarray = table / table.max()
    return scaled


def check_evaluations(sampler: Sampler, steps: int) -> int:
    """Ask a sampler for its evaluations of the network on a grid of some steps, checked.

    Raises:
        ContractError: it raises, or gives no whole number above 0.
    """
    what = f"evaluations({steps})"
    with blamed(sampler, what):
        return _counted(sampler.evaluations(steps), sampler, what)


def check_evaluations_made(sampler: Sampler, steps: int, made: int) -> None:
    """Check the evaluations that a sampler made on a grid of some steps: those that compute is counted by.

    Raises:
        ContractError: they are not what it says.
    """
    said = check_evaluations(sampler, steps)
    if made != said:
        raise _broken(sampler, f"evaluations({steps})", f"{said}; it made {made}, which it must say")


def check_label_dropout(network: TrainableNetwork) -> float:
    """Return the share of labels that a network is to learn without, checked.

    Raises:
        ContractError: it raises, or gives no number from 0 to below 1; or a share where it is given no labels.
    """
    with blamed(network, "label_dropout"):
        share = network.label_dropout
        if not isinstance(share, (int, float)) or not 0 <= share < 1:
            raise _broken(network, "label_dropout", f"{share!r}; it must be a number from 0 to below 1")
        if share and not network.conditional:
            raise _broken(network, "label_dropout", f"{share!r}; it is given no labels, of which none is withheld")
    return float(share)


def check_layer_outputs(network: TrainableNetwork, data: DataSpec | None = None) -> int:
    """Ask a network how many numbers its layers put out for a point, checked; of what it is built for, where known.

    Raises:
        ContractError: it raises, or gives no whole number above 0.
    """
    with blamed(network, "layer_outputs"):
        return _counted(network.layer_outputs(data), network, "layer_outputs")


def _counted(count: object, component: Component, what: str) -> int:
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise _broken(component, what, f"{count!r}; it must be a whole number above 0")
    return int(count)


def check_learner(weighting: Weighting, learner: WeightLearner) -> WeightLearner:
    """Check what a learned weighting returned as its learner.

    Raises:
        ContractError: it is none.
    """
    from harness.weight_learners import WeightLearner

    if not isinstance(learner, WeightLearner):
        rule = "it must be a harness.weight_learners.WeightLearner"
        raise _broken(weighting, "learner", f"type {type(learner).__name__}; {rule}")
    return learner


def check_learned(weighting: Weighting, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Check what a learned weighting says that it has learned, and return a copy.

    Raises:
        ContractError: it is no mapping of names to tensors.
    """
    import torch

    known = isinstance(state, Mapping) and all(isinstance(name, str) for name in state)
    if not known or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise _broken(weighting, "state", "something else than tensors by name; it must return these, or None")
    return {name: value.detach().clone().contiguous() for name, value in state.items()}


def check_omega(weighting: Weighting, omega: Tensor, levels: int) -> Tensor:
    """Check the weight that a learned weighting returned.

    Returns:
        Shape (K,), float64.

    Raises:
        ContractError: a wrong shape, or a value that is not finite or not positive.
    """
    import torch

    table = _vector(omega, weighting, "omega", levels)
    _positive(table, weighting, "omega", [f"level {j}" for j in range(levels)])
    return torch.from_numpy(table)


def check_variances(variances: np.ndarray, component: Component, steps: int) -> np.ndarray:
    """Check the variance of each step of a Gaussian-kernel sampler.

    Returns:
        Shape (N,), float64.

    Raises:
        ContractError: a wrong shape, or a value that is not finite or not positive.
    """
    table = _vector(variances, component, "variances", steps)
    _positive(table, component, "variances", [f"step {j + 1}" for j in range(steps)])
    return table


def check_start(start: Start, component: Component, dim: int) -> Start:
    """Check the start that an initial law gave.

    Raises:
        ContractError: no `Start`; a mean or a factor of a wrong shape or not finite; or a covariance that is not
            positive definite in double precision.
    """
    import torch

    from harness.initial_laws import Start

    if not isinstance(start, Start):
        raise _broken(component, "start", f"type {type(start).__name__}; it must be a harness.initial_laws.Start")
    mean = torch.from_numpy(_vector(start.mean, component, "mean", dim))
    if isinstance(start.factor, (int, float)) and not isinstance(start.factor, bool):
        if not 0 < start.factor < float("inf"):
            raise _broken(component, "factor", f"{start.factor:g}; it must be finite and positive")
        if not 0 < start.factor * start.factor < float("inf"):
            raise _broken(component, "factor", f"{start.factor:g}; its square must be finite and positive too")
        return Start(mean, float(start.factor))
    factor = torch.from_numpy(_table(start.factor, component, "factor", (dim, dim)))
    values = torch.linalg.svdvals(factor)
    if not bool(values[-1] > values[0] * dim * torch.finfo(torch.float64).eps):
        raise _broken(component, "factor", "singular; the covariance must be positive definite")
    if not (bool(values[-1].square() > 0) and bool(values[0].square().isfinite())):
        raise _broken(component, "factor", "too small or too large; the covariance must be finite and positive")
    return Start(mean, factor)


def check_score_error(error: np.ndarray, component: Component, levels: int) -> np.ndarray:
    """Check the score error that an oracle network states.

    Returns:
        Shape (K,), float64.

    Raises:
        ContractError: a wrong shape, or a value that is not finite or negative.
    """
    table = _vector(error, component, "score_error", levels)
    if (table < 0).any():
        j = int((table < 0).argmax())
        raise _broken(component, "score_error", f"{table[j]:g} at level {j}; it must not be negative")
    return table


def check_distribution(law: Distribution, target: Target) -> None:
    """Check a distribution on a few of its own points.

    Raises:
        ContractError: a moment that is not finite and positive; samples, held-out or denoised points of a wrong
            shape or dtype, or not finite; a posterior variance below 0; a density that is not finite.
    """
    import torch

    for what in ("dim", "second_moment", "sigma_data"):
        number = getattr(law, what, None)
        if not isinstance(number, int if what == "dim" else (int, float)) or not 0 < number < float("inf"):
            raise _broken(target, what, f"{number}; it must be finite and positive")
    if not isinstance(law.notes, tuple) or not all(isinstance(note, str) for note in law.notes):
        raise _broken(target, "notes", f"{law.notes!r}; it must be a tuple of sentences")
    generator = torch.Generator().manual_seed(0)
    points = law.sample(3, generator)
    like = torch.empty(3, law.dim, dtype=torch.float64)
    _points(points, target, "sample", like)
    noised = points + law.sigma_data * torch.randn(points.shape, generator=generator, dtype=points.dtype)
    denoised, variance = law.moments(noised, law.sigma_data)
    _points(denoised, target, "denoise", like)
    if (_vector(variance, target, "posterior_variance", 3) < 0).any():
        raise _broken(target, "posterior_variance", "below 0; it must not be negative")
    _vector(law.log_density(noised, law.sigma_data), target, "log_density", 3)
    for part in (0, 1):
        held_out = law.held_out(3, generator, part)
        _points(held_out, target, "held_out", like[: max(1, len(held_out))])
    _check_shape(law, target)


def _check_shape(law: Distribution, target: Target) -> None:
    """Check the shape of a point and the labels, where a law has them; raises as `check_distribution`."""
    import torch

    if math.prod(law.data.shape) != law.dim or not all(isinstance(side, int) for side in law.data.shape):
        raise _broken(target, "shape", f"{law.shape} of {law.dim} coordinates; its product must be their number")
    if not law.classes:
        return
    with blamed(target, "class_weights"):
        weights = _vector(law.class_weights(), target, "class_weights", law.classes)
    if (weights < 0).any() or abs(weights.sum() - 1) > NOISE:
        raise _broken(target, "class_weights", f"of sum {weights.sum():g}; they must be probabilities")
    points = law.sample(3, torch.Generator().manual_seed(0))
    with blamed(target, "labelled"):
        again, labels = _pair(law.labelled(3, torch.Generator().manual_seed(0)), target, "labelled")
    _points(again, target, "labelled", points)
    if not torch.equal(points, again):
        raise _broken(target, "labelled", "other points than sample from the same generator; they must be the same")
    check_labels(labels, target, 3, law.classes)
    with blamed(target, "moments_given"):
        mean, variance = _pair(law.moments_given(points, law.sigma_data, labels), target, "moments_given")
    _points(mean, target, "moments_given", points)
    _vector(variance, target, "moments_given", 3)
    for part in (0, 1):
        # Not all that have labels know those of held-out points.
        with suppress(NotApplicable), blamed(target, "held_out_labelled"):
            drawn = law.held_out_labelled(3, torch.Generator().manual_seed(0), part)
            points, labels = _pair(drawn, target, "held_out_labelled")
            _points(points, target, "held_out_labelled", torch.empty(len(labels), law.dim, dtype=torch.float64))
            check_labels(labels, target, len(points), law.classes)


def _pair(value: Any, target: Target, what: str) -> tuple[Any, Any]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise _broken(target, what, f"type {type(value).__name__}; it must be a tuple of two tensors")
    return value


def check_fit(state: object, metric: FittedMetric) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Check what a metric fitted to a target, and the notes that it makes of it.

    Returns:
        The tensors, each on the CPU with memory of its own and without a gradient; and the notes.

    Raises:
        ContractError: it is no mapping of names to tensors, or one is not finite; the notes are no tuple of sentences.
    """
    import torch

    if not isinstance(state, Mapping):
        raise ContractError(f"returned {type(state).__name__}; it must be a dict of tensors by name")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise ContractError(f"returned {name!r}: {type(value).__name__}; it must be a dict of tensors by name")
        if not bool(value.isfinite().all()):
            raise ContractError(f"returned tensor {name!r} with a value that is not finite; all must be")
    kept = {name: value.detach().cpu().clone() for name, value in state.items()}
    notes = metric.notes(kept)
    if not isinstance(notes, tuple) or not all(isinstance(note, str) for note in notes):
        raise ContractError(f"has notes {notes!r}; they must be a tuple of sentences")
    return kept, notes


def check_labels(labels: Tensor, component: Component, count: int, classes: int) -> None:
    """Check labels: int64, one a point, each that of a class.

    Raises:
        ContractError: they are not.
    """
    import torch

    kind = (labels.dtype, tuple(labels.shape)) if isinstance(labels, torch.Tensor) else type(labels).__name__
    if kind != (torch.int64, (count,)):
        raise _broken(component, "labels", f"{kind}; they must be int64 of shape ({count},)")
    if count and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise _broken(component, "labels", f"{int(labels.min())} … {int(labels.max())}; classes are 0 … {classes - 1}")


def check_information(
    information: Information, target: Target, dim: int, sigma_min: float, sigma_max: float, of: str = ""
) -> None:
    """Check a Fisher information over a range of levels.

    Arguments:
        information: J(u).
        target: whose it is.
        dim: the target's dimension.
        sigma_min: the lowest level.
        sigma_max: the highest.
        of: of which points it is, where not of all alike.

    Raises:
        ContractError: a wrong shape, a value that is not finite, J outside [0, d/u], an integral below 0, or an
            initialisation below 0 (each by more than `NOISE`).
    """
    import numpy as np

    u = np.geomspace(sigma_max**2, sigma_min**2, 33)
    rows, end = information.replicates, f" {of}" if of else ""
    if information.dim != dim:
        raise _broken(target, f"information{end}", f"dim {information.dim}; it must be the target's {dim}")
    fisher = _table(information.fisher(u), target, f"fisher{end}", (rows, 33)) * u / dim
    if not ((fisher > -NOISE) & (fisher < 1 + NOISE)).all():
        raise _broken(target, f"fisher{end}", "outside 0 … d/u; it must lie between")
    if (_table(information.fisher_integral(u), target, f"fisher_integral{end}", (rows, 32)) < -NOISE * dim).any():
        raise _broken(target, f"fisher_integral{end}", "below 0; it must not be negative")
    initialization = _table(information.initialization(float(u[0])), target, f"initialization{end}", (rows,))
    if (initialization < -NOISE * dim).any():
        raise _broken(target, f"initialization{end}", "below 0; it must not be negative")


def check_schedule(schedule: NoiseSchedule, sigma_min: float, sigma_max: float) -> None:
    """Check a noise schedule over a range of levels.

    Raises:
        ContractError: its times are not finite or do not increase with the level, `sigma` does not undo
            `time` (to 1e-6), or `rate` is not positive.
    """
    import numpy as np
    import torch

    sigma = torch.from_numpy(np.geomspace(sigma_min, sigma_max, 33))
    with blamed(schedule, "time"):
        time = _vector(schedule.time(sigma.clone()), schedule, "time", 33)
    if (np.diff(time) <= 0).any():
        j = int((np.diff(time) <= 0).argmax())
        raise _broken(schedule, "time", f"no increase above sigma = {sigma[j]:g}; it must increase")
    with blamed(schedule, "sigma"):
        back = _vector(schedule.sigma(torch.from_numpy(time)), schedule, "sigma", 33)
    off = np.abs(back / sigma.numpy() - 1)
    if off.max() > END_POINTS:
        j = int(off.argmax())
        raise _broken(schedule, "sigma", f"{back[j]:g} at time({sigma[j]:g}); it must undo time")
    with blamed(schedule, "rate"):
        rate = _vector(schedule.rate(torch.from_numpy(time)), schedule, "rate", 33)
    _positive(rate, schedule, "rate", [f"time {t:g}" for t in time])


def _broken(component: Component, what: str, rule: str) -> ContractError:
    return ContractError(f"{name_of(component)}: {what}: {rule}")


def _vector(value: Any, component: Component, what: str, length: int) -> np.ndarray:
    """Return a vector as a fresh float64 array, or complain of its type, shape or values."""
    return _table(value, component, what, (length,))


def _table(value: Any, component: Component, what: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of some shape as a fresh float64 array, or complain of its type, shape or values."""
    import numpy as np

    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise _broken(component, what, f"type {type(value).__name__}; it must be a tensor of numbers") from None
    if array.shape != shape:
        raise _broken(component, what, f"shape {array.shape}; it must be {shape}")
    if not np.isfinite(array).all():
        j = int((~np.isfinite(array)).argmax())
        raise _broken(component, what, f"{array.flat[j]} at index {j}; it must be finite")
    return array


def _positive(array: np.ndarray, component: Component, what: str, places: list[str]) -> None:
    if (array <= 0).any():
        j = int((array <= 0).argmax())
        raise _broken(component, what, f"{array[j]:g} at {places[j]}; it must be positive")


def _points(value: Any, component: Component, what: str, like: Tensor) -> None:
    """Complain of points that are no tensor, or of another shape or dtype, or not finite."""
    import torch

    if not isinstance(value, torch.Tensor):
        raise _broken(component, what, f"type {type(value).__name__}; it must be a tensor")
    if value.shape != like.shape or value.dtype != like.dtype:
        given = f"shape {tuple(value.shape)}, {value.dtype}"
        raise _broken(component, what, f"{given}; it must be {tuple(like.shape)}, {like.dtype}")
    if not bool(value.isfinite().all()):
        row = int((~value.isfinite()).flatten(1).any(1).nonzero()[0])
        raise _broken(component, what, f"row {row} is not finite; it must be")
