"""KL(p_δ ‖ q_N) of a deterministic sampler in low dimension, by change of variables.

x_N = f(x_0) with x_0 = a + Lξ ~ φ, the start, ξ ~ N(0, I), so ln q_N(x_N) = ln φ(x_0) − ln|det ∂f/∂x_0|. Let
w = p_δ/q_N at f(x_0). Where q_N is narrower than p_δ, w is rarely large under φ, and the mean of w ln w comes from
points that are rarely met: its error is skewed, and small where its value is small. So x_0 is drawn from a mixture π
that is wider, ξ ~ ½N(0, I) + ½N(0, s²I), s > 1, half of the points from either; with r = w φ/π

    KL(p_δ ‖ q_N) = E_π[r ln w] + a E_π[r − 1] + b E_π[φ/π − 1]

for any a and b, where E_π[r] = 1 if f is one to one and q_N misses nothing of p_δ. Both are checked: a change of
sign of the determinant shows a fold, and a mean of r that is not 1 shows mass that the points do not see. a and b are
by least squares, for each fold of the points from the others (`harness_metrics.controls`); near −1 and 1, what is
averaged is φ/π·(w ln w − w + 1), of second order in w − 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor

from harness.errors import NotApplicable
from harness.metrics import Experiment, Measurement
from harness_metrics.controls import adjusted, error_of_means

LARGEST_FOLD = 2e-3
"""Largest share of points on a folded part of the map that is passed over."""

WIDER = 1.5
"""Standard deviation s of the wider half of the starting points, in units of σ_0."""

TRIED = 16
"""Least number of points, wide ones and narrow ones alike, at which a derivative is held against differences."""

HELD, FEWEST_ROWS = 2**13, 32
"""Points times evaluations of the network whose layers are held at once for a derivative; and the fewest points."""

FEWEST = 100
"""Fewest points' worth of weights, (Σw)²/Σw²."""


def divergence(experiment: Experiment, n: int) -> Measurement | NotApplicable:
    """Estimate the divergence in nats at n generated points."""
    noise = torch.randn(n, experiment.target.dim, generator=experiment.generator, dtype=torch.float64)
    # The first half, and not every second: the folds of `adjusted` must each hold as many wide points as narrow ones.
    noise[: n // 2] *= WIDER
    start = experiment.start.draw(noise)

    def function(x: Tensor) -> Tensor:
        return experiment.simulate(x, _no_noise)

    def as_run(x: Tensor) -> Tensor:
        return (experiment.simulate_as_run or experiment.simulate)(x, _no_noise)

    # A network in float32 changes ln|det| by 4e-6 (18 steps of Heun, ring), far below the error over the points; the
    # differences that check it need float64.
    some = slice(None, None, max(1, n // TRIED))
    evaluations = experiment.sampler.evaluations(len(experiment.sigmas) - 1)
    ways = _derivatives(as_run, start, max(FEWEST_ROWS, HELD // evaluations))
    found = next((each for each in ways if _agrees(function, start[some], each[1][some])), None)
    if found is None:
        return NotApplicable("the sampler's map is not smooth: its derivative disagrees with differences")
    generated, jacobian = found
    sign, log_det = torch.linalg.slogdet(jacobian)
    folded = min((sign < 0).double().mean().item(), (sign > 0).double().mean().item())
    if folded > LARGEST_FOLD:
        return NotApplicable(f"the sampler folds: its map reverses orientation at {folded:.1%} of the points")
    log_start = experiment.start.log_density(start)
    log_p = experiment.target.log_density(generated, experiment.sigma_min).double()
    return _from_log_weights(log_p - log_start + log_det, _log_share(noise))


def _log_share(noise: Tensor) -> Tensor:
    """Ln φ/π at ξ of shape (n, d); shape (n,)."""
    wide = 0.5 * (1 - WIDER**-2) * noise.square().sum(1) - noise.shape[1] * math.log(WIDER)
    return -(torch.logaddexp(wide, torch.zeros_like(wide)) - math.log(2))


def _from_log_weights(log_w: Tensor, log_share: Tensor) -> Measurement | NotApplicable:
    """Estimate E_π[r ln w], r = w φ/π, from ln w and ln φ/π; the mean of r is checked and a control variate."""
    if not torch.isfinite(log_w).all():
        return NotApplicable("the sampler collapses: a density is not finite")
    n, r = len(log_w), (log_w + log_share).exp()
    effective = (r.sum().square() / r.square().sum()).item()
    if effective < FEWEST:
        return NotApplicable(f"the sampler misses mass: {n} points count as {effective:.0f}")
    error = r.std().item() / n**0.5
    if abs(r.mean().item() - 1) > 4 * error + 1e-6:
        mean = f"{r.mean().item():.3g} ± {error:.2g}"
        return NotApplicable(f"the sampler folds or misses mass: E[p/q] = {mean}, not 1")
    integrand, _ = adjusted(r * log_w, torch.stack([r - 1, log_share.exp() - 1], 1))
    spread, freedom = error_of_means(integrand)
    return Measurement(integrand.mean().item(), spread, freedom=freedom)


def _derivatives(function: Callable[[Tensor], Tensor], start: Tensor, rows: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield f(start), shape (n, d), and the Jacobian at each point, shape (n, d, d): in reverse mode, in forward mode.

    Reverse mode is faster, but ends where a step switches gradients off or works in place; forward mode goes on.
    """
    parts = []
    for some in torch.split(start, rows):
        part = _backward(function, some)
        if part is None:
            break
        parts.append(part)
    else:
        values, jacobians = zip(*parts, strict=True)
        yield torch.cat(values), torch.cat(jacobians)
    yield _forward(function, start)


def _backward(function: Callable[[Tensor], Tensor], start: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return f and its Jacobian, a pass back for each of the d coordinates; None where there is no way back."""
    leaf = start.detach().requires_grad_()
    try:
        with torch.enable_grad():
            values = function(leaf * 1)
        if not values.requires_grad:
            return None
        rows = [
            torch.autograd.grad(coordinate, leaf, retain_graph=True, materialize_grads=True)[0]
            for coordinate in values.sum(0)
        ]
    except RuntimeError:
        return None
    return values.detach(), torch.stack(rows, 1)


def _forward(function: Callable[[Tensor], Tensor], start: Tensor) -> tuple[Tensor, Tensor]:
    """Return f and its Jacobian: one pass, in which each point is repeated for each of the d directions."""
    n, dim = start.shape
    directions = torch.eye(dim, dtype=start.dtype).repeat(n, 1)
    repeated = start.repeat_interleave(dim, 0)
    values, tangents = cast(tuple[Tensor, Tensor], torch.func.jvp(function, (repeated,), (directions,)))
    jacobian = tangents.view(n, dim, dim).transpose(1, 2)
    return values.view(n, dim, dim)[:, 0], jacobian


def _agrees(function: Callable[[Tensor], Tensor], start: Tensor, jacobian: Tensor) -> bool:
    """Whether the derivative is that of the map, by central differences along one direction.

    It is not where gradients are switched off inside, or where a network's kinks lie closer than the step. The median
    counts, since one kink may lie between: that of the first half, the wide points, and that of the others.
    """
    step = 1e-5 * start.abs().max() * torch.ones_like(start) / start.shape[1] ** 0.5
    ahead, behind = function(torch.cat([start + step, start - step])).chunk(2)
    measured = (ahead - behind) / 2
    predicted = (jacobian @ step[:, :, None])[:, :, 0]
    wrong = (measured - predicted).norm(dim=1) / (measured.norm(dim=1) + predicted.norm(dim=1) + 1e-300)
    return all(bool(half.median() <= 1e-3) for half in wrong.chunk(2))


def _no_noise() -> Tensor:
    raise ValueError("a deterministic sampler asked for noise")
