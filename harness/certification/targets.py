"""Targets: denoiser, density and variance are of one law, and samples are drawn from it.

With X = X_0 + σξ and D = E[X_0 | X], exactly (Tweedie, Miyasawa; the heat equation for the density of X):

    D − x = σ² ∇log p          tr Cov(X_0 | X) = σ² tr ∇D          ∂_u ln p = ½(Δ ln p + ‖∇ln p‖²), u = σ²
    E[(X_0 − D) φ(X)] = 0      E‖X_0 − D‖² = E tr Cov(X_0 | X)     J(u) = E‖∇ln p‖² = (d − E tr Cov/u)/u

The first line is measured point by point, the second on samples, in standard errors. Of a finite data set all is done
again by brute force over its points.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from harness.certification.cases import generator_of, noised_points, stream
from harness.certification.measurements import PropertyGroup
from harness.engine.checks import check_distribution, check_information
from harness.errors import NotApplicable
from harness.information import Information
from harness.mixtures import EmpiricalDistribution
from harness.properties import Property, worst
from harness.targets import Distribution, Target

LEVELS = (0.1, 0.5, 2.0)
"""σ over σ_data."""

POINTS = 8
"""Points at which identities are looked at."""

SAMPLES = {False: 16384, True: 4096}
"""Samples by which what holds on average is looked at; of a finite data set, whose denoiser costs more, fewer."""

ERRORS = 6.0
"""Standard errors within which an average is to be 0: one of 10⁸ is further."""

STEP = 1e-4
"""Step of a numerical derivative in x, over σ; in u, over u."""

ROUNDING = 1e-5
"""Relative deviation of a numerical derivative, or of single precision with its own factor."""

LARGEST = 20_000
"""Points of a data set up to which brute force goes through all."""

WIDEST = 200
"""Dimension up to which a trace is taken coordinate by coordinate."""


def _generator(seed: int, *what: int) -> torch.Generator:
    return generator_of(seed, 7, *what)


def _noised(law: Distribution, count: int, sigma: float, seed: int, *what: int) -> tuple[Tensor, Tensor]:
    """Return points X_0 and X_0 + σξ, shape (count, d) each."""
    return noised_points(law, count, sigma, _generator(seed, *what))


def contract(target: Target, seed: int) -> list[Property]:
    """Measure whether the law is the same each time it is built, and each point depends on itself alone."""
    law = target.distribution()
    check_distribution(law, target)
    sigma = law.sigma_data
    _, x = _noised(law, POINTS, sigma, seed)
    drawn, again = (each.sample(POINTS, _generator(seed, 0)) for each in (law, target.distribution()))
    alike = float(torch.equal(drawn, law.sample(POINTS, _generator(seed, 1))))
    denoised, single = law.denoise(x, sigma), law.denoise(x.float(), sigma)
    by_itself = torch.cat([law.denoise(x[k : k + 1], sigma) for k in range(POINTS)])
    each = law.denoise(x, torch.full((POINTS,), sigma, dtype=torch.float64))
    variance = law.posterior_variance(x, sigma)
    both = law.moments(x, sigma)
    apart = worst(both[1] - variance) / law.dim / sigma**2
    state = torch.get_rng_state()
    law.sample(3, _generator(seed))
    law.held_out(3, _generator(seed))
    moved = float(not torch.equal(state, torch.get_rng_state()))
    torch.set_rng_state(state)
    other = target.for_seed(seed)
    return [
        Property(
            "samples of the law built again, less its samples",
            0.0,
            worst(again - drawn),
            0.0,
        ),
        Property("share of samples that another generator draws too", 0.0, alike, 0.0),
        Property("D of points by themselves, over σ_data", 0.0, worst(by_itself - denoised) / sigma, 1e-9),
        Property("D at levels of shape (n,), over σ_data", 0.0, worst(each - denoised) / sigma, 1e-9),
        Property("D in single precision, over σ_data", 0.0, worst(single.double() - denoised) / sigma, 1e-3),
        Property("moments() less denoise(), over σ_data", 0.0, worst(both[0] - denoised) / sigma, 1e-9),
        Property("moments() less posterior_variance(), over dσ²", 0.0, apart, 1e-9),
        Property("random state of torch moved by sampling", 0.0, moved, 0.0),
        Property("the target of a seed is its own for that seed", 1.0, float(other.for_seed(seed) == other), 0.0),
    ]


def identities(target: Target, seed: int) -> list[Property]:
    """Measure Tweedie's two formulas and the heat equation, point by point at three levels; and the density far off."""
    law = target.distribution()
    found: dict[str, float] = {}
    for place, level in enumerate(LEVELS):
        sigma = level * law.sigma_data
        _, x = _noised(law, POINTS, sigma, seed, 1, place)
        score, trace = _score(law, x, sigma), _trace(law, x, sigma)
        denoised, variance = law.denoise(x, sigma), law.posterior_variance(x, sigma)
        slope = _log_slope(law, x, sigma)
        apart = {
            "(D − x)/σ less σ∇log p": ((denoised - x) / sigma - sigma * score),
            "tr Cov/dσ² less tr ∇D/d": (variance / sigma**2 - trace) / law.dim,
            "σ²(∂_u − ½Δ) ln p less ½σ²‖∇ln p‖², a dimension": (
                sigma**2 * slope - 0.5 * (trace - law.dim) - 0.5 * sigma**2 * score.square().sum(1)
            )
            / law.dim,
        }
        for name, deviation in apart.items():
            found[name] = max(found.get(name, 0.0), worst(deviation))
    return [
        *(Property(f"{name}, at any point", 0.0, value, ROUNDING * 10) for name, value in found.items()),
        Property("ln p far above the data less that of a Gaussian", 0.0, _far(law, seed), 1e-3),
    ]


def _score(law: Distribution, x: Tensor, sigma: float) -> Tensor:
    """Return ∇log p at points of shape (n, d), by autograd; by differences where the density has no graph."""
    given = x.clone().requires_grad_()
    value = law.log_density(given, sigma)
    if value.requires_grad:
        return torch.autograd.grad(value.sum(), given)[0]
    return _along(partial(law.log_density, sigma=sigma), x, STEP * sigma)


def _along(function: Callable[[Tensor], Tensor], x: Tensor, step: float) -> Tensor:
    """Return the derivatives of a function (n, d) → (n,) along each coordinate, shape (n, d), by differences."""
    shifts = step * torch.eye(x.shape[1], dtype=x.dtype)
    slopes = [(function(x + each) - function(x - each)) / (2 * step) for each in shifts]
    return torch.stack(slopes, 1)


def _trace(law: Distribution, x: Tensor, sigma: float) -> Tensor:
    """Return tr ∇D at points of shape (n, d), shape (n,), by central differences.

    Raises:
        NotApplicable: there are too many coordinates.
    """
    if law.dim > WIDEST:
        raise NotApplicable(f"dimension {law.dim} is above {WIDEST}, up to which traces are taken")
    step, total = STEP * sigma, x.new_zeros(len(x))
    for k in range(law.dim):
        shift = torch.zeros(law.dim, dtype=x.dtype)
        shift[k] = step
        total += (law.denoise(x + shift, sigma)[:, k] - law.denoise(x - shift, sigma)[:, k]) / (2 * step)
    return total


def _log_slope(law: Distribution, x: Tensor, sigma: float) -> Tensor:
    """Return ∂_u ln p at points of shape (n, d), u = σ²."""
    high, low = (law.log_density(x, sigma * math.sqrt(1 + sign * STEP)) for sign in (1, -1))
    return (high - low) / (2 * STEP * sigma**2)


def _far(law: Distribution, seed: int) -> float:
    """Return how far ln p is from that of N(E X_0, (σ_data² + σ²) I) at σ = 10⁴ σ_data, a dimension."""
    sigma = 1e4 * law.sigma_data
    clean, x = _noised(law, POINTS, sigma, seed, 2)
    total = sigma**2 + law.sigma_data**2
    gaussian = -0.5 * (x - clean.mean(0)).square().sum(1) / total - 0.5 * law.dim * math.log(2 * math.pi * total)
    return worst(law.log_density(x, sigma) - gaussian) / law.dim


def averages(target: Target, seed: int) -> list[Property]:
    """Measure what holds of samples on average, in standard errors: moments, and that D is the conditional mean."""
    law = target.distribution()
    squares = law.sample(SAMPLES[law.finite], _generator(seed, 3)).square().sum(1)
    found = [_errors("E‖X_0‖² less second_moment", squares - law.second_moment)]
    for place, level in enumerate(LEVELS):
        sigma = level * law.sigma_data
        clean, x = _noised(law, SAMPLES[law.finite], sigma, seed, 4, place)
        denoised, variance = law.moments(x, sigma)
        left = clean - denoised
        found += [
            _errors(f"E⟨X_0 − D, X⟩, σ = {level:g} σ_data", (left * (x - clean.mean(0))).sum(1)),
            _errors(f"E⟨X_0 − D, D⟩, σ = {level:g} σ_data", (left * (denoised - clean.mean(0))).sum(1)),
            _errors(f"E‖X_0 − D‖² less E tr Cov, σ = {level:g} σ_data", left.square().sum(1) - variance),
        ]
    return [*found, *_moments(law, seed)]


def _errors(name: str, values: Tensor) -> Property:
    """Compare a mean with 0, in its standard errors; values that are 0 but for rounding have none."""
    error = float(values.std()) / math.sqrt(len(values))
    mean = float(values.mean())
    rounding = 1e-9 * (1 + float(values.abs().max()))
    return Property(f"{name}, in standard errors", 0.0, mean / max(error, rounding), ERRORS)


def _moments(law: Distribution, seed: int) -> list[Property]:
    """Mean, covariance and deviations as the law says them, where it does."""
    points = law.sample(SAMPLES[law.finite], _generator(seed, 5))
    try:
        mean, covariance = law.mean_and_covariance()
    except Exception as error:
        return [Property.skipped("mean and covariance of samples", str(error)[:200])]
    direction = torch.from_numpy(stream(seed, 8).standard_normal(law.dim))
    direction /= direction.norm()
    along = (points - mean) @ direction
    apart = worst(covariance.diagonal().clamp_min(0).sqrt() - law.deviations())
    ratio = float(covariance.trace()) / law.dim / law.sigma_data**2
    return [
        _errors("mean of samples along a direction", along),
        _errors("variance of samples along a direction", along.square() - direction @ covariance @ direction),
        Property("deviations() less those of the covariance, over σ_data", 0.0, apart / law.sigma_data, 1e-9),
        Property("σ_data² less tr Cov/d, over it", 0.0, ratio - 1, 1e-6),
    ]


def information(target: Target, seed: int) -> list[Property]:
    """Measure a closed J(u): against E‖score‖² in standard errors, its own integral, and KL(p_u ‖ N(0, uI))."""
    law = target.distribution()
    closed = law.closed_information()
    if closed is None:
        return [Property.skipped("J(u) in closed form", "the law has none")]
    low, high = 0.05 * law.sigma_data, 20 * law.sigma_data
    check_information(closed, target, law.dim, low, high)
    found = [each for place, level in enumerate(LEVELS) for each in _information_at(law, closed, level, seed, place)]
    u = np.geomspace(high**2, low**2, 9)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = (np.log(u[:-1]) - np.log(u[1:]))[:, None] / 2
    at = np.exp(np.log(u[1:])[:, None] + half * (1 + nodes))
    values = closed.fisher(at.ravel()).mean(0).reshape(at.shape) * at
    apart = closed.fisher_integral(u).mean(0) / ((values * half) @ weights) - 1
    return [*found, Property("∫J du by itself over that by quadrature, less 1", 0.0, float(np.abs(apart).max()), 1e-8)]


def _information_at(law: Distribution, closed: Information, level: float, seed: int, place: int) -> list[Property]:
    sigma, where = level * law.sigma_data, f"σ = {level:g} σ_data"
    _, x = _noised(law, SAMPLES[law.finite], sigma, seed, 6, place)
    u, variance = sigma**2, law.posterior_variance(x, sigma)
    squares = ((law.denoise(x, sigma) - x) / u).square().sum(1)
    known = float(closed.fisher(np.array([u])).mean())
    noise = -0.5 * (x.square().sum(1) / u + law.dim * math.log(2 * math.pi * u))
    divergence = float(closed.initialization(u).mean())
    return [
        _errors(f"E‖score‖² less J, {where}", squares - known),
        _errors(f"(d − E tr Cov/u)/u less J, {where}", (law.dim - variance / u) / u - known),
        _errors(f"sampled KL(p_u ‖ N(0, uI)) less it, {where}", law.log_density(x, sigma) - noise - divergence),
    ]


def brute_force(target: Target, seed: int) -> list[Property]:
    """Measure the denoiser of a finite data set against sums over all of its points."""
    law = target.distribution()
    if not law.finite:
        return [Property.skipped("sums over all points", "the law is no finite data set")]
    train = _training_points(law, seed)
    if train is None:
        return [Property.skipped("sums over all points", f"there are more than {LARGEST}, or some that are alike")]
    found: dict[str, float] = {}
    for place, level in enumerate(LEVELS):
        sigma = level * law.sigma_data
        _, x = _noised(law, POINTS, sigma, seed, 9, place)
        mean, variance, log_density = _sums(train, x, sigma)
        spread = law.dim * law.sigma_data**2
        apart = {
            "D less the sum over points, over σ_data": (law.denoise(x, sigma) - mean) / law.sigma_data,
            "tr Cov less the sum, over d σ_data²": (law.posterior_variance(x, sigma) - variance) / spread,
            "ln p less the sum, a dimension": (law.log_density(x, sigma) - log_density) / law.dim,
        }
        for name, deviation in apart.items():
            found[name] = max(found.get(name, 0.0), worst(deviation))
    moment = float(train.square().sum(1).mean())
    return [
        *(Property(name, 0.0, value, 1e-8) for name, value in found.items()),
        Property("second_moment over that of its points, less 1", 0.0, law.second_moment / moment - 1, 1e-8),
        Property("size less the number of points", 0.0, float(law.size - len(train)), 0.0),
    ]


def _training_points(law: Distribution, seed: int) -> Tensor | None:
    """Return the points of a data set, shape (n, d): as it has them, else by drawing until all have come up."""
    if law.size > LARGEST:
        return None
    if isinstance(law, EmpiricalDistribution):
        return law.train
    draws = math.ceil(law.size * (math.log(law.size) + 12))
    points = law.sample(draws, _generator(seed, 10)).unique(dim=0)  # type: ignore[no-untyped-call]
    return points if len(points) == law.size else None


def _sums(train: Tensor, x: Tensor, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and variance of X_0 given x, and ln p, for the measure of equal masses on points of shape (n, d)."""
    squares = (x[:, None] - train).square().sum(2)
    logits = -0.5 * squares / sigma**2
    weights = logits.softmax(1)
    mean = weights @ train
    variance = (weights * (train[None] - mean[:, None]).square().sum(2)).sum(1)
    constant = 0.5 * train.shape[1] * math.log(2 * math.pi * sigma**2) + math.log(len(train))
    return mean, variance, logits.logsumexp(1) - constant


def held_out(target: Target, seed: int) -> list[Property]:
    """Measure whether held-out points are none of those to train on, of two parts that have none in common."""
    law = target.distribution()
    parts = [law.held_out(256, _generator(seed, 11), part) for part in (0, 1)]
    common = float((parts[0][:, None] == parts[1][None]).all(2).any(1).double().mean())
    found = [Property("share of points that both held-out parts have", 0.0, common, 0.1)]
    if law.finite:
        train = _training_points(law, seed)
        if train is None:
            return found
        copies = torch.stack([(train == each).all(1).any() for each in parts[0]]).double().mean()
        return [*found, Property("share of held-out points that are to train on", 0.0, float(copies), 0.5)]
    squares = torch.cat(parts).square().sum(1) - law.second_moment
    return [*found, _errors("E‖X_0‖² of held-out points less second_moment", squares)]


def labels(target: Target, seed: int) -> list[Property]:
    """Measure the law given labels: their shares, and that D given a label is the conditional mean."""
    law = target.distribution()
    if not law.classes:
        return [Property.skipped("labels", "the points have none")]
    clean, label = law.labelled(SAMPLES[law.finite], _generator(seed, 12))
    shares = torch.nn.functional.one_hot(label, law.classes).double().mean(0)
    weights = law.class_weights()
    off = (shares - weights) / (weights * (1 - weights) / SAMPLES[law.finite]).clamp(min=1e-12).sqrt()
    sigma = law.sigma_data
    x = clean + sigma * torch.randn(clean.shape, generator=_generator(seed, 13), dtype=clean.dtype)
    mean, variance = law.moments_given(x, sigma, label)
    left = clean - mean
    found = [
        Property("shares of labels less class_weights(), in standard errors", 0.0, worst(off), ERRORS),
        _errors("E⟨X_0 − D, X⟩ given labels", (left * (x - clean.mean(0))).sum(1)),
        _errors("E‖X_0 − D‖² less E tr Cov, given labels", left.square().sum(1) - variance),
    ]
    if isinstance(law, EmpiricalDistribution) and law.labels is not None and law.size <= LARGEST:
        few = slice(0, POINTS)
        sums = [_sums(law.train[law.labels == int(c)], x[k : k + 1], sigma) for k, c in enumerate(label[few])]
        apart = worst(mean[few] - torch.cat([each[0] for each in sums])) / sigma
        found.append(Property("D given labels less the sum over points, over σ_data", 0.0, apart, 1e-8))
    return found


MEASUREMENTS = {
    "target": (
        PropertyGroup("contract", contract),
        PropertyGroup("identities", identities),
        PropertyGroup("averages", averages),
        PropertyGroup("J(u) in closed form", information),
        PropertyGroup("sums over all points", brute_force),
        PropertyGroup("held-out points", held_out),
        PropertyGroup("labels", labels),
    )
}
