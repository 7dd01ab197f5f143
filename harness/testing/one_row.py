"""One row: a design with the component under test in it, trained, sampled and measured in the process that calls."""

from __future__ import annotations

import tomllib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harness import components
from harness.axes import AXES, Axis
from harness.components import Component
from harness.errors import HarnessError, did_you_mean
from harness.networks import OracleNetwork
from harness.registry.discovery import check_class, load
from harness.results.failures import Failure, read_failures
from harness.results.read_board import read_document
from harness.running.in_process import in_process
from harness.running.runner import Options, run
from harness.store import Store
from harness.suites.model import Suite

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.results.leaderboard import Row

Named = str | Component | type[Component]
"""A component as a test gives it: `name:param=value` of an installed one, one that was made, or a class of it, with the
defaults of its parameters. Of the last two nothing need be installed."""

ORIGIN = "run_one"
"""How errors call the suite that a row is made by."""


class ComponentFailed(HarnessError):
    """A component failed: the message is the reason in one line, and the traceback of its code is a note to it."""


def run_one(
    *,
    steps: int = 8,
    samples: int = 500,
    train_steps: int = 100,
    seed: int = 0,
    sigma_min: float = 0.05,
    sigma_max: float = 20.0,
    **chosen: Named,
) -> Row:
    """Run one design on one target, in this process; nothing is left on disk.

    What is not given is an exact denoiser on a Gaussian, with the metrics that apply there; where the component is one
    of training (a weighting, a network, a preconditioning, a noise distribution) it is a small network that is trained.
    A seed gives the same row each time.

    Arguments:
        steps: of the sampler.
        samples: how many points are generated.
        train_steps: optimisation steps of the network, where one is trained.
        seed: of everything that is random.
        sigma_min: the last noise level, in the unit of the target.
        sigma_max: the first.
        chosen: components by their axes, as `sampler="heun"`, `target=Ring(modes=4)`, `noise_schedule=Mine`. A `metric`
            and a `bound` stand beside the others; a `preconditioning` or `noise_distribution` becomes the parameter of
            the network or weighting that takes one.

    Returns:
        The row of a leaderboard: `row.status`; `row.metrics["kl"].value` in its unit; `row.budget`, the
        exact path divergence in nats, term by term, or None; `row.bounds`; `row.nfe`, evaluations of the network.

    Raises:
        ComponentFailed: a component raised an error, or returned what its contract forbids.
        HarnessError: an axis, a component or a number is not valid; one line says what would be right.
    """
    registry = load().with_classes(_classes(chosen))
    sections = {
        "steps": [steps],
        "seeds": [seed],
        "noise": {"sigma_min": sigma_min, "sigma_max": sigma_max},
        "training": {"steps": [train_steps], "batch_size": 128},
        "sampling": {"samples": samples},
    }
    suite = Suite.from_mapping({"name": "one", **_forms(registry, chosen), **sections}, ORIGIN)
    with TemporaryDirectory(prefix="harness-") as folder:
        run(suite.as_typed("targets"), registry, Path(folder), Options(progress=False, warn=_warn, executor=in_process))
        _refuse_failures(Path(folder))
        (row,) = read_document(Path(folder)).rows
    return row


def _warn(line: str) -> None:
    warnings.warn(line, stacklevel=2)


def _classes(chosen: Mapping[str, Named]) -> Iterator[type[Component]]:
    """Yield the classes that are given themselves, or as components, with those of components inside, checked.

    Raises:
        HarnessError: an axis is unknown, or what stands there is no component of it.
    """
    for name, value in chosen.items():
        if name not in AXES:
            raise HarnessError(f"run_one() has no axis {name!r}; {did_you_mean(name, AXES)}")
        if isinstance(value, str):
            continue
        made = (value, *value.inner_components()) if isinstance(value, Component) else (value,)
        for each in made:
            cls = type(each) if isinstance(each, Component) else each
            check_class(AXES[name] if each is value else AXES[each.axis], cls)
            yield cls


def _forms(registry: Registry, chosen: Mapping[str, Named]) -> dict[str, Any]:
    """Return what a suite has on each axis: what was chosen, and what stands beside it."""
    defaults = tomllib.loads((resources.files("harness.testing") / "beside.toml").read_text(encoding="utf-8"))
    known: dict[str, Any] = defaults["components"]
    if any(_of_training(AXES[name]) for name in chosen):
        known |= defaults["trained"]
    metrics, bounds = known.pop("metrics"), known.pop("bounds")
    given = {name: _form(registry, name, value) for name, value in chosen.items()}
    beside = {"metrics": metrics, "bounds": bounds, "rank_by": metrics[0]}
    for axis, forms in (("metric", metrics), ("bound", bounds)):
        if axis in given and given[axis] not in forms:
            forms.append(given[axis])
    crossed = known | {name: form for name, form in given.items() if name in known}
    for name, form in given.items():
        if AXES[name].role == "part":
            host = _host(registry, name, crossed)
            crossed[host] = _with_part(registry, host, crossed[host], name, form)
    _check_trained(registry, crossed["network"], chosen)
    return beside | {AXES[name].plural: [form] for name, form in crossed.items()}


def _of_training(axis: Axis) -> bool:
    return axis.phase == "training" or axis.role == "part"


def _form(registry: Registry, axis: str, value: Named) -> str:
    """Return a component as a suite names it; raises `ComponentError` where it cannot be made."""
    if isinstance(value, str):
        return registry.label(_made(registry, axis, value))
    return registry.label(value if isinstance(value, Component) else components.build(value, {}))


def _made(registry: Registry, axis: str, form: str) -> Component:
    """Return the one component that a form means.

    Raises:
        HarnessError: it means several, or none.
    """
    made = registry.parse(axis, form)
    if len(made) != 1:
        raise HarnessError(f"{ORIGIN}(): {form!r} means {len(made)} components; give one")
    return made[0]


def _check_trained(registry: Registry, network: str, chosen: Mapping[str, Named]) -> None:
    """Refuse what would take no part in the row, as nothing is trained.

    Raises:
        HarnessError: what was given, and the network.
    """
    idle = [AXES[name].words for name in chosen if name != "network" and _of_training(AXES[name])]
    if idle and isinstance(_made(registry, "network", network), OracleNetwork):
        rule = "leave out the network, or give one that is trained"
        raise HarnessError(f"{ORIGIN}(): a {idle[0]} is given, and network {network} trains nothing; {rule}")


def _host(registry: Registry, part: str, crossed: Mapping[str, str]) -> str:
    """Return the axis of the component that takes one of an axis of parts as a parameter.

    Raises:
        HarnessError: none of the components does.
    """
    for axis, form in crossed.items():
        if part in type(_made(registry, axis, form)).part_axes().values():
            return axis
    rule = f"neither of {', '.join(crossed.values())} has one; give a component that does"
    raise HarnessError(f"{ORIGIN}(): a {AXES[part].words} is a parameter of another component, and {rule}")


def _with_part(registry: Registry, axis: str, form: str, part: str, value: str) -> str:
    """Return a component with another as its parameter."""
    host = _made(registry, axis, form)
    name = next(name for name, of in type(host).part_axes().items() if of == part)
    values = {each: getattr(host, each) for each in type(host).model_fields}
    return registry.label(components.build(type(host), values | {name: _made(registry, part, value)}))


def _refuse_failures(folder: Path) -> None:
    """Raise what failed: of several failures the first that has a traceback.

    Raises:
        ComponentFailed: the reason.
    """
    with closing(Store.read(folder)) as store:
        failures = [each for each in read_failures(store) if each.reason]
    if failures:
        raise _told(failures[0])


def _told(failure: Failure) -> ComponentFailed:
    error = ComponentFailed(failure.reason)
    if failure.traceback:
        error.add_note(failure.traceback)
    return error
