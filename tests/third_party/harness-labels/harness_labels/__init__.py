"""Mixtures whose Gaussians are classes, networks and metrics that know the classes, and one of each other kind."""

from harness import hookimpl
from harness.bounds import Bound
from harness.initial_laws import InitialLaw
from harness.metrics import Metric
from harness.networks import Network
from harness.noise_schedules import NoiseSchedule
from harness.preconditionings import Preconditioning
from harness.samplers import Sampler
from harness.targets import Target
from harness.time_discretizations import TimeDiscretization
from harness.weightings import Weighting
from harness_labels.measuring import BretagnolleHuber, ClassError, ClassShares, SpreadGap
from harness_labels.networks import ClassConvolution, ClassMLP, Trigonometric
from harness_labels.sampling import Blended, Diagonal, Hyperbolic, Restless
from harness_labels.targets import Clusters, Dots
from harness_labels.weightings import Excess


@hookimpl
def harness_targets() -> list[type[Target]]:
    return [Clusters, Dots]


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    return [Excess]


@hookimpl
def harness_noise_schedules() -> list[type[NoiseSchedule]]:
    return [Hyperbolic]


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    return [Blended]


@hookimpl
def harness_networks() -> list[type[Network]]:
    return [ClassMLP, ClassConvolution]


@hookimpl
def harness_preconditionings() -> list[type[Preconditioning]]:
    return [Trigonometric]


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    return [Restless]


@hookimpl
def harness_initial_laws() -> list[type[InitialLaw]]:
    return [Diagonal]


@hookimpl
def harness_metrics() -> list[type[Metric]]:
    return [ClassShares, ClassError, SpreadGap]


@hookimpl
def harness_bounds() -> list[type[Bound]]:
    return [BretagnolleHuber]
