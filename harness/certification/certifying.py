"""Certifying: measures components, and says of each what holds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness import __version__
from harness.certification.chosen import chosen, subjects_named
from harness.certification.measurements import Measurement, measurements
from harness.certification.memory import remember
from harness.certification.subjects import Subject, subject_of
from harness.components import Component, ComponentError
from harness.errors import NotApplicable, failure_line
from harness.properties import Property
from harness.registry import process_state
from harness.registry.discovery import load
from harness.registry.registry import Registry
from harness.results.certificates import Certificate, Certificates, MeasuredProperty

LOADED = "it can be loaded"
MADE = "it can be made"
KEPT = "settings of the process that measuring it changed"


def certify(
    component: str | Component, *, axis: str | None = None, seed: int = 0, registry: Registry | None = None
) -> Certificate:
    """Measure one component.

    Arguments:
        component: itself, or what a command line has: `heun`, `weighting/edm`, `distribution/name`,
            `polynomial:rho=5`. A name alone is its example: that of the defaults.
        axis: which one, where a name stands on several.
        seed: of the random numbers.
        registry: where names are looked up; None: all that is installed.

    Raises:
        ComponentError: it means no component, or several.
    """
    known = registry or load()
    if isinstance(component, Component):
        return _kept(certificate(known, subject_of(known, component), seed))
    found = subjects_named(known, component, axis)
    if len(found) > 1:
        several = " or ".join(f"{each.axis.replace('_', '-')}/{each.label}" for each in found)
        raise ComponentError(f"{component!r} means {len(found)} components; write {several}")
    return _kept(certificate(known, found[0], seed))


def certify_all(
    words: Sequence[str] = (),
    *,
    seed: int = 0,
    registry: Registry | None = None,
    told: Callable[[Certificate], None] = lambda made: None,
) -> Certificates:
    """Measure several components.

    Arguments:
        words: components, distributions, and files (`harness.certification.chosen`); none: all that is installed.
        seed: of the random numbers.
        registry: where names are looked up; None: all that is installed.
        told: called with each certificate as it is made.

    Raises:
        HarnessError: a word means nothing.
    """
    known = registry or load()
    made = []
    for place, subject in chosen(known, words):
        made.append(certificate(place, subject, seed))
        told(made[-1])
    remember(made)
    return Certificates(harness=__version__, certificates=made)


def _kept(made: Certificate) -> Certificate:
    remember([made])
    return made


def certificate(registry: Registry, subject: Subject, seed: int) -> Certificate:
    """Measure a component; whatever it raises is a property that fails."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="harness-certify-") as folder:
        component, found = _made(subject, Path(folder))
        digest = "" if component is None else _digest(registry, component)
        if component is not None:
            found += _measured(component, seed)
    return Certificate(
        component=subject.label,
        axis=subject.axis,
        distribution=subject.distribution,
        version=subject.version,
        digest=digest,
        seed=seed,
        seconds=round(time.perf_counter() - start, 3),
        properties=[MeasuredProperty.of(each) for each in found],
    )


def _made(subject: Subject, folder: Path) -> tuple[Component | None, list[Property]]:
    faults = [Property.broken(LOADED, why) for why in subject.faults]
    if subject.faults:
        return None, faults
    try:
        return subject.make(folder), []
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, [Property.broken(MADE, _line(error))]


def _measured(component: Component, seed: int) -> list[Property]:
    import torch

    # Nothing here is large; and threads that wait for one another wait longest where cores are shared.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _each(component, seed)
    finally:
        torch.set_num_threads(threads)


def _each(component: Component, seed: int) -> list[Property]:
    before = process_state.read()
    found: list[Property] = []
    for measurement in measurements(component):
        found += _guarded(measurement, component, seed)
    changed = process_state.put_back(before)
    if all(each.verdict == "unclaimed" for each in found):  # where nothing is measured, this alone shows nothing
        return found
    return [*found, Property(KEPT, 0.0, float(len(changed)), 0.0, reason=", ".join(changed))]


def _guarded(measurement: Measurement, component: Component, seed: int) -> Iterable[Property]:
    try:
        return list(measurement.measure(component, seed))
    except NotApplicable as error:
        return [Property.skipped(measurement.name, error.reason)]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [Property.broken(measurement.name, _line(error))]


def _line(error: BaseException) -> str:
    return failure_line(error) if isinstance(error, Exception) else type(error).__name__


def _digest(registry: Registry, component: Component) -> str:
    try:
        return registry.reference(component).digest
    except ComponentError:  # of a class that no plugin offers
        return ""
