"""The hooks a plugin may implement: one for each axis of the design space, one for each thing around it.

Every hook takes no argument and returns the component classes that the plugin offers. `harness_axes` registers further
axes, and each of them has its own hook, in which any plugin may offer components. A plugin implements the
hooks it needs as module-level functions marked with `harness.hookimpl`; a misspelled hook is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from harness.axes import Axis
    from harness.bounds import Bound
    from harness.components import Component
    from harness.initial_laws import InitialLaw
    from harness.metrics import Metric
    from harness.networks import Network
    from harness.noise_distributions import NoiseDistribution
    from harness.noise_schedules import NoiseSchedule
    from harness.preconditionings import Preconditioning
    from harness.samplers import Sampler
    from harness.targets import Target
    from harness.time_discretizations import TimeDiscretization
    from harness.weightings import Weighting

hookspec = pluggy.HookspecMarker("harness")


def registered(hook: str) -> ModuleType:
    """Return the specification of the hook of an axis that a plugin registers, as pluggy takes it."""

    @hookspec
    def offer() -> Sequence[type[Component]]:  # type: ignore[empty-body]
        """Components of the axis."""

    found = ModuleType(hook)
    setattr(found, hook, offer)
    return found


@hookspec
def harness_weightings() -> Sequence[type[Weighting]]:  # type: ignore[empty-body]
    """Loss weightings: which noise levels the training sees, and how much each counts."""


@hookspec
def harness_noise_distributions() -> Sequence[type[NoiseDistribution]]:  # type: ignore[empty-body]
    """Noise distributions: how the noise levels of training are drawn."""


@hookspec
def harness_noise_schedules() -> Sequence[type[NoiseSchedule]]:  # type: ignore[empty-body]
    """Noise schedules: the noise level σ as a function of time t."""


@hookspec
def harness_time_discretizations() -> Sequence[type[TimeDiscretization]]:  # type: ignore[empty-body]
    """Time discretizations: the decreasing noise levels that a sampler visits."""


@hookspec
def harness_networks() -> Sequence[type[Network]]:  # type: ignore[empty-body]
    """Networks: from a noised point and its level to a denoised one."""


@hookspec
def harness_preconditionings() -> Sequence[type[Preconditioning]]:  # type: ignore[empty-body]
    """Preconditionings: the change of variables between what is trained and the denoiser."""


@hookspec
def harness_samplers() -> Sequence[type[Sampler]]:  # type: ignore[empty-body]
    """Samplers: from noise, along a grid of levels, to a sample."""


@hookspec
def harness_initial_laws() -> Sequence[type[InitialLaw]]:  # type: ignore[empty-body]
    """Initial laws: the Gaussian law of the points from which a sampler starts."""


@hookspec
def harness_targets() -> Sequence[type[Target]]:  # type: ignore[empty-body]
    """Targets: the distributions to be learned, analytic or data."""


@hookspec
def harness_metrics() -> Sequence[type[Metric]]:  # type: ignore[empty-body]
    """Metrics: how far what was generated is from the target."""


@hookspec
def harness_bounds() -> Sequence[type[Bound]]:  # type: ignore[empty-body]
    """Bounds: what theory says the error cannot exceed."""


@hookspec
def harness_axes() -> Sequence[Axis]:  # type: ignore[empty-body]
    """Axes: kinds of components that the harness does not have; each has its contract, and so a hook of its own."""
