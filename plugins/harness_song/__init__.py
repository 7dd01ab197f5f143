"""Song et al., "Score-based generative modeling through stochastic differential equations", and its sequel.

ICLR 2021, arXiv 2011.13456: the variance-exploding and variance-preserving schedules, grids uniform in time,
the Euler, ancestral and predictor-corrector samplers, the flow by Runge and Kutta's method, the start at pure
noise. "Maximum likelihood training of score-based diffusion models", NeurIPS 2021, arXiv 2101.09258: the
likelihood weighting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.initial_laws import InitialLaw
    from harness.noise_distributions import NoiseDistribution
    from harness.noise_schedules import NoiseSchedule
    from harness.preconditionings import Preconditioning
    from harness.samplers import Sampler
    from harness.time_discretizations import TimeDiscretization
    from harness.weightings import Weighting


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the likelihood weighting."""
    from harness_song.weightings import Likelihood

    return [Likelihood]


@hookimpl
def harness_noise_distributions() -> list[type[NoiseDistribution]]:
    """Offer log-uniform levels, and those at a uniform time of any schedule."""
    from harness_song.noise_distributions import LogUniform, UniformTimeLevels

    return [LogUniform, UniformTimeLevels]


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    """Offer the two schedules of the paper."""
    from harness_song.noise_schedules import VeGeometric, VpLinear

    return [VeGeometric, VpLinear]


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Offer the geometric grid and the one uniform in time."""
    from harness_song.time_discretizations import Exponential, UniformTime

    return [Exponential, UniformTime]


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer DDIM and its two ends, the solvers of the reverse equation, and the Runge-Kutta method of the flow."""
    from harness_song.reverse_sde import EulerMaruyama, PredictorCorrector
    from harness_song.runge_kutta import Rk45
    from harness_song.samplers import Ancestral, Ddim, Euler

    return [Euler, Ancestral, Ddim, EulerMaruyama, PredictorCorrector, Rk45]


@hookimpl
def harness_initial_laws() -> list[type[InitialLaw]]:
    """Offer the start at pure noise."""
    from harness_song.initial_laws import Centered

    return [Centered]


@hookimpl
def harness_preconditionings() -> list[type[Preconditioning]]:
    """Offer the preconditionings of both processes, and the prediction of the score itself."""
    from harness_song.preconditionings import Score, Ve, Vp

    return [Vp, Ve, Score]
