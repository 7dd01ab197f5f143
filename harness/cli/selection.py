"""The argument and options that say what to compare, and where, shared by the commands that take a suite."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import click
from click.shell_completion import CompletionItem

from harness.axes import AXES, Axis, crossed

if TYPE_CHECKING:
    from harness.suites.model import Suite
    from harness.trainers import Precision

    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic since click 8.2 only


class ComponentType(ParamType):
    """`name:param=value,value`; completes names, then the names of parameters."""

    name = "component"

    def __init__(self, axis: str) -> None:
        self.axis = axis

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return how the value is written."""
        return "NAME[:PARAM=VALUE,...]"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin with what was typed; after the colon, the parameters."""
        from harness.registry.discovery import load

        classes = load().classes(self.axis)
        name, colon, rest = incomplete.partition(":")
        if not colon:
            return [CompletionItem(each, help=cls.formula) for each, cls in classes.items() if each.startswith(name)]
        if name not in classes or "=" in rest.rpartition(",")[2]:
            return []
        typed = incomplete[: len(incomplete) - len(rest.rpartition(",")[2])]
        offered = [f"{typed}{parameter}=" for parameter in classes[name].model_fields]
        return [CompletionItem(each) for each in offered if each.startswith(incomplete)]


class Minutes(click.FloatRange):
    """Minutes above 0; not a number is none."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the minutes."""
        minutes = super().convert(value, param, ctx)
        if math.isnan(minutes):
            self.fail(f"{value} is no number of minutes; give one above 0", param, ctx)
        return minutes


class SuiteType(ParamType):
    """The name of a shipped suite, or the path of a TOML file."""

    name = "suite"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the shipped suites that begin with what was typed, then files."""
        from harness.suites.model import shipped_suites

        names = [CompletionItem(name) for name in shipped_suites() if name.startswith(incomplete)]
        return [*names, CompletionItem(incomplete, type="file")]


class Numbers(ParamType):
    """Numbers joined by commas."""

    name = "x,x,..."
    kind: ClassVar[type[float] | type[int]] = float
    wanted: ClassVar[str] = "numbers; write 0.99 or 0.99,0.999"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        """Return the numbers as a list."""
        if isinstance(value, list):
            return value
        try:
            return [self.kind(piece) for piece in str(value).split(",") if piece.strip()]
        except ValueError:
            self.fail(f"{value!r} is no list of {self.wanted}", param, ctx)


class Integers(Numbers):
    """Whole numbers joined by commas."""

    name = "n,n,..."
    kind: ClassVar[type[float] | type[int]] = int
    wanted: ClassVar[str] = "whole numbers; write 10 or 10,20"


class Seeds(Integers):
    """A number n of seeds, 0 … n−1, or a list with at least one comma."""

    name = "n|s,s,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or the list."""
        numbers = super().convert(value, param, ctx)
        return numbers[0] if "," not in str(value) and len(numbers) == 1 else numbers


class Names(ParamType):
    """Components joined by commas; of one that has several parameters the commas between these join nothing."""

    name = "metric,metric,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Return the components as a list."""
        if isinstance(value, list):
            return value
        found: list[str] = []
        for piece in str(value).split(","):
            # A parameter, or a further value of one, begins no component.
            if found and "=" in piece.partition(":")[0]:
                found[-1] += f",{piece}"
            else:
                found.append(piece.strip())
        return found


def suite_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument SUITE, the options that select from it and those that say where networks are trained
    and evaluated; it gets `suite: Suite`.
    """

    @functools.wraps(function)
    def command(*args: Any, suite: str, device: str, precision: Precision | None, **options: Any) -> Any:
        from harness.running.devices import resolved
        from harness.suites.model import load_suite

        keys = {axis.name: axis.plural for axis in _selected()}
        chosen = {key: options.pop(name) for name, key in keys.items()} | {name: options.pop(name) for name in _OTHERS}
        selected: Suite = load_suite(suite).with_selection(**chosen)
        return function(*args, suite=selected.on(resolved(device), precision), **options)

    decorated: Callable[..., Any] = command
    for decorate in reversed(_decorators()):
        decorated = decorate(decorated)
    return decorated


def _decorators() -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    axes = [
        click.option(
            axis.option,
            type=ComponentType(axis.name),
            multiple=True,
            help=f"{_does(axis)} this {axis.words} in place of the suite's; repeatable.",
        )
        for axis in _selected()
    ]
    others = [
        click.option(f"--{name.replace('_', '-')}", type=kind, help=told) for name, (kind, told) in _OTHERS.items()
    ]
    return [click.argument("suite", type=SuiteType(), default="quick"), *axes, *others, *_PLACE]


def _does(axis: Axis) -> str:
    return "Compare" if axis.name in crossed() else "Take"


def _selected() -> list[Axis]:
    """Return the axes of which the shell may choose components."""
    return [*crossed().values(), AXES["metric"], AXES["bound"]]


_OTHERS: dict[str, tuple[Any, str]] = {
    "rank_by": (Names(), "Metrics that rank, by preference; where --metric leaves out the suite's, the first named."),
    "steps": (Integers(), "Numbers of sampling steps."),
    "seeds": (Seeds(), "How many seeds, or which (with a comma)."),
    "train_steps": (Integers(), "Lengths of training, in steps."),
    "samples": (int, "Samples of each combination and seed."),
    "sigma_min": (float, "Noise level at which sampling ends."),
    "sigma_max": (float, "Largest noise level: where training ends and sampling starts."),
    "batch_size": (int, "Points of each step of training."),
    "learning_rate": (float, "Step size of training."),
    "ema_decay": (
        Numbers(),
        "Decays of the moving average of the parameters, one or several of one training; 0: none.",
    ),
}
"""The further options, by the words of a suite's selection: their type, and what they are."""

_PLACE = (
    click.option(
        "--device",
        type=click.Choice(["cpu", "cuda", "auto"]),
        default="cpu",
        show_default=True,
        help="Where networks are trained and evaluated; auto: on a GPU where there is one.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["float32", "float64"]),
        help="Arithmetic of networks; by default float32 (gradient descent trains in float64).",
    ),
)
"""The options that say where, and in which arithmetic, networks are trained and evaluated."""
