"""Initial laws: starts that are laws, that the noised target tends to, and that have its moments where that is claimed.

E_I is KL(p_u ‖ start): of a Gaussian target in closed form, of others through J (`harness.initial_laws`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.certification.cases import skewed_gaussian, stream
from harness.certification.measurements import Measurement
from harness.engine.checks import check_start
from harness.initial_laws import InitialLaw, Start
from harness.mixtures import IsotropicMixture, MixtureDistribution
from harness.properties import Property

FAR, FURTHER = 50.0, 500.0
"""σ_0 over the data's scale at which the start is to be near the noised target, and ten times that."""

NEAR = 0.01
"""Largest E_I a dimension of the first, in nats."""

FALLS = 0.02
"""Most of E_I that is left at ten times the level: it falls at least as 1/u, a hundredth."""


def measured(rule: InitialLaw, seed: int) -> list[Property]:
    """Measure starts on a Gaussian whose coordinates are correlated, and on a mixture, off the origin."""
    return [*_on(rule, skewed_gaussian(seed), "Gaussian"), *_on(rule, _moved(seed), "mixture")]


def _moved(seed: int) -> MixtureDistribution:
    """Return two Gaussians of unequal weight in the plane, off the origin."""
    means = torch.tensor([[0.7, -0.4], [1.5, 2.0]], dtype=torch.float64)
    if seed:
        means = torch.from_numpy(stream(seed, 6).standard_normal((2, 2)))
    weights = torch.tensor([0.3, 0.7], dtype=torch.float64)
    return MixtureDistribution(IsotropicMixture(means, 0.2**2, weights))


def _on(rule: InitialLaw, law: MixtureDistribution, name: str) -> list[Property]:
    scale = law.sigma_data
    starts = [check_start(rule.start(law, sigma * scale), rule, law.dim) for sigma in (1.0, FAR, FURTHER)]
    again = rule.start(law, scale)
    costs = [_cost(each, law, sigma * scale) for each, sigma in zip(starts, (1.0, FAR, FURTHER), strict=True)]
    same = torch.equal(again.mean, starts[0].mean) and torch.equal(again.covariance, starts[0].covariance)
    return [
        Property(f"same start again, {name}", 1.0, float(same), 0.0),
        Property(f"least E_I of three levels in nats, {name}", 0.0, min(costs), 1e-9, at_least=True),
        Property(f"E_I a dimension at {FAR:g} σ_data, {name}", 0.0, costs[1] / law.dim, NEAR),
        Property(f"E_I at ten times that level, over E_I, {name}", 0.0, costs[2] / max(costs[1], 1e-9), FALLS),
        *_moments(rule, starts, law, name),
    ]


def _cost(start: Start, law: MixtureDistribution, sigma: float) -> float:
    """Return E KL(N(X_0, uI) ‖ start) less what is the same for all starts: E_I of a Gaussian, at least E_I of others.

    ½[ln det C/|Σ + uI| + tr C⁻¹(Σ + uI + (m − a)(m − a)ᵀ) − d]: KL of the Gaussian with the target's moments, which
    the noised target is nearer to the more noise there is.
    """
    mean, covariance = law.mean_and_covariance()
    spread = covariance + sigma**2 * torch.eye(law.dim, dtype=torch.float64)
    precision = torch.linalg.inv(start.covariance)
    away = mean - start.mean
    quadratic = (precision @ spread).trace() + away @ precision @ away
    determinants = torch.linalg.slogdet(start.covariance).logabsdet - torch.linalg.slogdet(spread).logabsdet
    return 0.5 * float(determinants + quadratic - law.dim)


def _moments(rule: InitialLaw, starts: list[Start], law: MixtureDistribution, name: str) -> list[Property]:
    """How far the start's moments are from those of the noised target, in units of σ_data; of draws too."""
    mean, covariance = law.mean_and_covariance()
    spread = covariance + law.sigma_data**2 * torch.eye(law.dim, dtype=torch.float64)
    claimed = rule.claims_moments
    away = float((starts[0].mean - mean).abs().max()) / law.sigma_data
    wide = float((starts[0].covariance - spread).abs().max()) / law.sigma_data**2
    drawn = _drawn(starts[0])
    return [
        Property(f"distance of the start's mean, {name}", 0.0 if claimed >= 1 else None, away, 1e-9),
        Property(f"distance of the start's covariance, {name}", 0.0 if claimed >= 2 else None, wide, 1e-9),
        Property(f"covariance of points drawn less that of the start, {name}", 0.0, drawn, 1e-9),
    ]


def _drawn(start: Start) -> float:
    """Return how far points made of units are from the start's own law, relatively."""
    units: Tensor = torch.cat([torch.zeros(1, start.dim), torch.eye(start.dim)]).double()
    made = start.draw(units)
    columns = made[1:] - made[0]
    return float((columns.T @ columns - start.covariance).abs().max() / start.covariance.abs().max())


MEASUREMENTS = {"initial_law": (Measurement("starts", measured),)}
