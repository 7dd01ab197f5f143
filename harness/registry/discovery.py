"""Discovery: every entry point of the group `harness` is loaded apart from the others.

A plugin is a module (or any object) whose functions marked with `harness.hookimpl` return component classes.
One that fails to import, misspells a hook or offers something malformed contributes nothing, is reported, and
costs nothing else. The order in which plugins are found does not matter.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from importlib import metadata
from typing import Any

import pluggy

from harness import components, hookspecs
from harness.axes import AXES
from harness.claims.contract import Claim
from harness.components import Component
from harness.errors import HarnessError, did_you_mean
from harness.networks import Network, OracleNetwork, TrainableNetwork
from harness.registry.provenance import GROUP, among_claims, normalize
from harness.registry.registry import Entry, PluginInfo, Problem, Registry

__all__ = ["PluginError", "load"]

HOOKS = {axis.hook: axis for axis in AXES.values()}
"""The axis of each hook."""

RESERVED = frozenset({"axis", "formula", "name", "source"})
"""Words that no parameter may be named: they mean something else in a suite file or a table."""

SECONDS_TO_LOAD = 60.0
"""A plugin that takes longer to import is given up."""


class PluginError(HarnessError):
    """A plugin that was asked for does not exist, or one that exists is malformed."""


class _TooSlow(BaseException):
    """Raised in a plugin that outruns its time; no `except Exception` of its own may catch it."""


def load(only: str | None = None) -> Registry:
    """Load the plugins.

    Arguments:
        only: names of entry points, joined by commas: load just these (empty: none). None: what the
            environment variable HARNESS_PLUGINS says, and all where it is unset.

    Raises:
        PluginError: `only` names an entry point that does not exist.
    """
    found, problems = _discover()
    chosen = _chosen(found, os.environ.get("HARNESS_PLUGINS") if only is None else only)
    plugins, entries = [], []
    for entry_point, info in found:
        if entry_point not in chosen:
            plugins.append(replace(info, status="off"))
            continue
        try:
            # Standard output is the command's, whatever a plugin prints.
            with redirect_stdout(sys.stderr):
                classes = _offered(entry_point)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a plugin raises, SystemExit too, is its own failure
            plugins.append(replace(info, status="failed", reason=_one_line(error)))
            problems.append(Problem(info.entry_point, info.distribution, plugins[-1].reason))
        else:
            names = {axis: tuple(sorted(c.name for c in classes if c.axis == axis)) for axis in AXES}
            plugins.append(replace(info, components={axis: offered for axis, offered in names.items() if offered}))
            entries += [Entry(cls, plugins[-1]) for cls in classes]
    return Registry(entries, plugins, problems)


def _discover() -> tuple[list[tuple[metadata.EntryPoint, PluginInfo]], list[Problem]]:
    """Find the entry points, sorted by distribution and name; unreadable metadata is a problem of its own."""
    found: dict[str, list[tuple[metadata.EntryPoint, PluginInfo]]] = {}
    problems = []
    for distribution in metadata.distributions():
        try:
            entry_points = distribution.entry_points.select(group=GROUP)
            name, version = (distribution.name, distribution.version) if entry_points else ("", "")
        except Exception as error:
            where = str(getattr(distribution, "_path", "a distribution"))
            problems.append(Problem("entry_points.txt", where, f"cannot be read: {_one_line(error)}"))
            continue
        if entry_points and normalize(name) not in found:  # the first on the path hides later ones, as in imports
            infos = [(each, PluginInfo(each.name, name, version, "ok")) for each in entry_points]
            found[normalize(name)] = sorted(infos, key=lambda pair: (pair[0].name, pair[0].value))
    return [pair for name in sorted(found) for pair in found[name]], problems


def _chosen(found: Sequence[tuple[metadata.EntryPoint, PluginInfo]], only: str | None) -> list[metadata.EntryPoint]:
    if only is None:
        return [entry_point for entry_point, _ in found]
    chosen = []
    for word in filter(None, (word.strip() for word in only.split(","))):
        matching = [e for e, info in found if word in (info.entry_point, f"{info.distribution}/{info.entry_point}")]
        if not matching:
            hint = did_you_mean(word, (info.entry_point for _, info in found))
            raise PluginError(f"HARNESS_PLUGINS: no plugin {word!r} is installed; {hint}")
        chosen += matching
    return chosen


def _offered(entry_point: metadata.EntryPoint) -> list[type[Component]]:
    """Import one plugin and return the classes that it offers, checked.

    Raises:
        PluginError: it misspells a hook, or offers something malformed. What it raises passes through.
    """
    with _time_limit(SECONDS_TO_LOAD):
        plugin = entry_point.load()
        # A manager of its own: what one plugin registers can neither hide nor end another's.
        manager = pluggy.PluginManager("harness")
        manager.add_hookspecs(hookspecs)
        _refuse_unmarked(plugin)
        manager.register(plugin, name=entry_point.name)
        _refuse_misspelled(manager)
        return [cls for hook in HOOKS for cls in _answers(manager, hook)]


def _refuse_unmarked(plugin: object) -> None:
    for hook in HOOKS:
        function = getattr(plugin, hook, None)
        if function is not None and not hasattr(function, "harness_impl"):
            raise PluginError(f"{hook} is not marked with @harness.hookimpl")


def _refuse_misspelled(manager: pluggy.PluginManager) -> None:
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        for name, caller in vars(manager.hook).items():
            if isinstance(caller, pluggy.HookCaller) and not caller.has_spec() and caller.get_hookimpls():
                raise PluginError(f"unknown hook {name!r}; {did_you_mean(name, HOOKS)}") from error
        raise


def _answers(manager: pluggy.PluginManager, hook: str) -> list[type[Component]]:
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        return []
    answers = caller()
    if len(answers) != 1 or not isinstance(answers[0], (list, tuple)):
        given = type(answers[0]).__name__ if answers else "None"
        raise PluginError(f"{hook} returned {given}; it must return a list of classes")
    names = set()
    for cls in answers[0]:
        _check_class(hook, cls)
        if cls.name in names:
            raise PluginError(f"{hook} offers the name {cls.name!r} twice")
        names.add(cls.name)
    return list(answers[0])


def _check_class(hook: str, cls: Any) -> None:
    """Check one class that a hook returned against the contract of the axis.

    Raises:
        PluginError: it breaks the contract; the message names the rule.
    """
    contract = HOOKS[hook].contract
    if not isinstance(cls, type) or not issubclass(cls, contract):
        raise PluginError(f"{hook} returned {cls!r}, no subclass of {contract.__module__}.{contract.__name__}")
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not components.NAME.fullmatch(name):
        rule = "lower-case words joined by hyphens"
        raise PluginError(f"{hook}: {cls.__qualname__}.name is {name!r}; a name is {rule}")
    what = f"{hook}: {name}"
    if cls.axis != contract.axis:
        raise PluginError(f"{what} has axis {cls.axis!r}; it must keep {contract.axis!r}")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise PluginError(f"{what} does not define {missing}")
    if contract is Network and not issubclass(cls, (OracleNetwork, TrainableNetwork)):
        raise PluginError(f"{what} must derive from TrainableNetwork or OracleNetwork")
    if contract is Claim:
        _check_claim(what, cls)
    elif among_claims(cls):
        raise PluginError(f"{what} lies in its package's folder 'claims', which no digest covers; move it elsewhere")
    _check_parameters(what, cls, contract)


def _check_claim(what: str, cls: type[Any]) -> None:
    number = getattr(cls, "number", None)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise PluginError(f"{what}: number is {number!r}; a claim has a whole number from 1")
    for text in ("title", "statement"):
        if not isinstance(getattr(cls, text, None), str) or not getattr(cls, text).strip():
            raise PluginError(f"{what} has no {text}; a claim says what it claims")
    if not (cls.__doc__ or "").strip():
        raise PluginError(f"{what} has no docstring; a claim states the rule that decides it")


def _check_parameters(what: str, cls: type[Component], contract: type[Component]) -> None:
    if not cls.model_config.get("frozen") or cls.model_config.get("extra") != "forbid":
        raise PluginError(f"{what} changes the model configuration; components are frozen and forbid extra parameters")
    for parameter in cls.model_fields:
        if parameter in RESERVED or hasattr(contract, parameter):
            raise PluginError(f"{what}: no parameter may be named {parameter!r}; it is a word of the contract")
    if any(field.is_required() for field in cls.model_fields.values()):
        return
    defaults = cls()
    components.digest(components.build(cls, {p: getattr(defaults, p) for p in cls.model_fields}).parameters())


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """End the block after some seconds; in the main thread only, where signals arrive."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def give_up(*_: object) -> None:
        raise _TooSlow(f"took longer than {seconds:g} s to load")

    before = signal.signal(signal.SIGALRM, give_up)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, (HarnessError, _TooSlow)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
