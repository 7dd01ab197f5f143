"""What each unit of work depends on, as the key of its record.

A key digests the components that take part (with the source of their plugins), the numbers that they are given, the
code of the harness that the unit and the components run (`harness.planning.code`) and the versions of the numerical
libraries. It holds nothing else, so that suites share whatever they have in common.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

from harness.components import Component, digest
from harness.planning.code import installed
from harness.weightings import GridWeighting

if TYPE_CHECKING:
    from harness.descents import Descent
    from harness.registry.registry import Registry
    from harness.suites.combinations import Combination
    from harness.suites.model import Suite

_LIBRARIES = ("numpy", "scikit-learn", "scipy", "torch")
"""The libraries whose version could change a number."""


@cache
def unit(name: str) -> str:
    """Return what each record of a kind of unit depends on: the code that it runs, and the libraries it computes with.

    Arguments:
        name: a module of `harness.engine.units`.
    """
    code = installed().digest(f"harness.engine.units.{name}")
    return digest("unit", code, [metadata.version(library) for library in _LIBRARIES])


def part(component: Component, known: str) -> str:
    """Return what a result depends on of a component whose digest is known."""
    return digest(known, installed().of_class(type(component)))


class Keys:
    """The keys of one suite's units."""

    def __init__(self, suite: Suite, registry: Registry) -> None:
        self._suite = suite
        self._registry = registry
        self._range = (suite.noise.sigma_min, suite.noise.sigma_max)
        self._references: dict[Component, dict[str, Any]] = {}

    def reference(self, component: Component) -> dict[str, Any]:
        """Return the component's name, parameters, distribution, version and digest."""
        if component not in self._references:
            self._references[component] = self._registry.reference(component)
        return self._references[component]

    def label(self, component: Component) -> str:
        """Return the component's short form, qualified where its bare name is ambiguous."""
        return self._registry.label(component)

    def of(self, component: Component) -> str:
        """Return what a result depends on of a component: its digest, and the code of the harness that it runs."""
        return part(component, self.reference(component)["digest"])

    def outdated(self, target: Component) -> bool:
        """Whether what a target reads, a user's file, is no longer what its digest was made of."""
        return bool(self._registry.reference(target)["digest"] != self.reference(target)["digest"])

    def information(self, target: Component) -> str:
        """Key of the target's numbers and its J(u)."""
        return digest(unit("measure_target"), "information", self.of(target), self._range)

    def table(self, c: Combination) -> str:
        """Key of a combination's weighting tabulated for its target, and for its grid where it is made for one."""
        if c.weighting is None:
            raise ValueError("a combination without training has no weighting to tabulate")
        parts = (self.of(c.weighting), self.of(c.target), self._range)
        grid = (self.grid(c, 0),) if isinstance(c.weighting, GridWeighting) else ()
        return digest(unit("tabulate_weighting"), "table", *parts, *grid)

    def grid(self, c: Combination, seed: int) -> str:
        """Key of a combination's grid; what the grid does not ask for takes no part."""
        rule = c.time_discretization
        parts = (self.of(rule), self.of(c.noise_schedule), c.steps, (self._range[0], c.sigma_max))
        target = self.information(c.target) if rule.needs_information else None
        sampler = self.of(c.sampler) if rule.needs_sampler else None
        network = self.network(c, seed) if c.grid_follows_network else None
        return digest(unit("lay_out_grid"), "grid", *parts, target, sampler, network)

    def network(self, c: Combination, seed: int) -> str:
        """Key of the trained network of a combination and a seed, or of its oracle."""
        if c.weighting is None:
            return digest("oracle", self.of(c.network), self.of(c.target))
        t = self._suite.training
        settings = t.settings(), self._range
        parts = (self.of(c.target), self.of(c.network), self.of(c.weighting), seed, c.train_steps)
        grid = (self.grid(c, seed),) if isinstance(c.weighting, GridWeighting) else ()
        return digest(unit("train_networks"), "train", *parts, settings, *grid)

    def error(self, network: str) -> str:
        """Key of a trained network's score error."""
        return digest(unit("measure_score_errors"), "error", network)

    def sample(self, c: Combination, sigmas: list[float], seed: int) -> str:
        """Key of a sampling: by the grid's levels, not by the rule that made them, and by the initial law."""
        count = self._suite.sampling.samples
        parts = (self.network(c, seed), self.of(c.sampler), self.of(c.initial_law), self.information(c.target))
        return digest(unit("evaluate_samples"), "sample", *parts, sigmas, seed, count)

    def calibration(self, target: Component, seed: int, metric: str) -> str:
        """Key of a metric's score on a held-out sample."""
        count, sigma_min = self._suite.sampling.samples, self._range[0]
        return digest(unit("calibrate_metrics"), "calibrate", self.of(target), seed, count, sigma_min, metric)


def descent(target: str, network: str, weighting: str, seed: int, settings: Descent) -> str:
    """Key of a network trained for its trajectory, from the digests of its components."""
    return digest(unit("train_networks"), "descent", target, network, weighting, seed, asdict(settings))


def measured(sample: str, component: str) -> str:
    """Key of a metric's or a bound's record, from the sampling's key and the component's digest."""
    return digest("measured", sample, component)
