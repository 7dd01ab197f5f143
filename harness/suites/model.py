"""The suite: what to compare, as one TOML file, checked by the same models as the command line."""

from __future__ import annotations

import math
import re
import shlex
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from harness.axes import AXES, crossed
from harness.components import Component, ComponentError, Request, parse_request, request_from_table
from harness.errors import HarnessError, did_you_mean
from harness.metrics import Metric
from harness.registry.registry import Registry
from harness.suites.sections import (
    APART,
    TRAININGS,
    AnyTraining,
    Compute,
    Count,
    Limits,
    Noise,
    Sampling,
    Seeds,
    Steps,
    SuiteSection,
    Training,
    distinct,
)

if TYPE_CHECKING:
    from harness.trainers import Device, Precision, Trainer

COMMAND_LINE = "command line"

SETTINGS = {
    "train_steps": "training.steps",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "ema_decay": "training.ema_decay",
    "samples": "sampling.samples",
    "sigma_min": "noise.sigma_min",
    "sigma_max": "noise.sigma_max",
}
"""The keys of sections that the command line may choose, by the words of their options."""

_SECTIONS = frozenset(key.partition(".")[0] for key in SETTINGS.values())

LARGEST = 1_000_000
"""Bytes of the largest file that is read as a suite or a space: a hundred times what any needs."""

SELECTION = "-selection"
"""Ends the name of a suite of which the command line chose a part."""

__all__ = ["Suite", "SuiteError", "load_suite", "shipped_suites"]


class SuiteError(HarnessError):
    """A suite that cannot be read, is malformed, or expands to nothing or too much."""


def _check_form(form: object) -> object:
    """Check that a component is written as a string or a table, before any plugin is asked."""
    try:
        _request(form)
    except ComponentError as error:
        raise ValueError(str(error)) from error
    return form


def _request(form: object) -> Request:
    if isinstance(form, str):
        return parse_request(form)
    if isinstance(form, Mapping):
        return request_from_table(form)
    raise ValueError('a component is "name:param=value" or {name = "…", param = value}')


def _listed(names: object) -> object:
    """Read one name as a list of it."""
    return [names] if isinstance(names, str) else names


MetricName = Annotated[str, AfterValidator(_check_form)]
Form = Annotated[Any, BeforeValidator(_check_form)]
Forms = tuple[Form, ...]


class _Named(SuiteSection):
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=100)]
    title: str = ""


if TYPE_CHECKING:

    class _Crossed(_Named): ...
else:
    _Crossed = create_model(
        "_Crossed",
        __base__=_Named,
        **{axis.plural: (Forms, ... if axis.default is None else axis.default) for axis in crossed().values()},
    )


class Suite(_Crossed):
    """What to compare: for each axis that combinations cross a list of components, and how they are measured.

    Components are written `name:param=value,value` or `{name = "…", param = […]}`; several values of a
    parameter mean several components.
    """

    metrics: Annotated[Forms, Field(min_length=1)]
    bounds: Forms = AXES["bound"].default or ()
    rank_by: Annotated[tuple[MetricName, ...], BeforeValidator(_listed), Field(min_length=1), AfterValidator(distinct)]
    vary_at_most: Count | None = None
    compute: Compute | None = None
    steps: Annotated[tuple[Steps, ...], AfterValidator(distinct)]
    seeds: Seeds
    noise: Noise = Noise()
    training: AnyTraining = next(iter(TRAININGS.values()))()
    sampling: Sampling = Sampling()
    limits: Limits = Limits()

    _device: Device = PrivateAttr(default="cpu")
    _precision: Precision | None = PrivateAttr(default=None)
    _origin: str = PrivateAttr(default="suite")
    _overridden: frozenset[str] = PrivateAttr(default=frozenset())

    @model_validator(mode="after")
    def _ranked(self) -> Suite:
        names = [_request(form).name for form in self.metrics]
        for name in self.rank_by:
            if name.partition(":")[0] not in names:
                raise ValueError(f"rank_by = {name!r} is none of the metrics; {did_you_mean(name, names)}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _steps_by_compute(cls, data: Any) -> Any:
        """Leave out `steps` where [compute] stands for them."""
        if isinstance(data, Mapping) and data.get("compute") is not None and "steps" not in data:
            return {**data, "steps": ()}
        return data

    @field_validator("steps")
    @classmethod
    def _steps_or_compute(cls, steps: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if not steps and info.data.get("compute") is None:
            raise ValueError("is empty; it should list at least one value")
        if steps and info.data.get("compute") is not None:
            raise ValueError("follows from [compute], which the suite has; leave out one of the two")
        return steps

    @field_validator("training")
    @classmethod
    def _training_or_compute(cls, training: Training, info: ValidationInfo) -> Training:
        if info.data.get("compute") is not None and "steps" in training.model_fields_set:
            raise ValueError("steps follow from [compute], which the suite has; leave out one of the two")
        return training

    @field_validator("sampling")
    @classmethod
    def _within_noise(cls, sampling: Sampling, info: ValidationInfo) -> Sampling:
        noise = info.data.get("noise")
        if not isinstance(noise, Noise):
            return sampling
        for level in sampling.sigma_max:
            if not noise.sigma_min < level <= noise.sigma_max:
                rule = f"above sigma_min = {noise.sigma_min:g} and at most noise.sigma_max = {noise.sigma_max:g}"
                raise ValueError(f"sigma_max = {level:g} is out of range; it should be {rule}")
            if level < noise.sigma_min * (1 + APART):
                rule = f"should be above it by a relative {APART:g} at least"
                raise ValueError(f"sigma_max = {level!r} is too near to sigma_min = {noise.sigma_min:g}; it {rule}")
        return sampling

    @property
    def sigma_max(self) -> tuple[float, ...]:
        """The first levels of the grids: where sampling starts."""
        return self.sampling.sigma_max or (self.noise.sigma_max,)

    @property
    def trainer(self) -> Trainer:
        """How its networks are trained, and where."""
        trainer = self.training.trainer(self.noise)
        return replace(trainer, device=self._device, precision=self._precision or trainer.precision)

    @property
    def precision(self) -> Precision:
        """In which trained networks are evaluated."""
        return self._precision or "float32"

    def on(self, device: Device, precision: Precision | None = None) -> Suite:
        """Return the suite as a run on a device carries it out, in a precision; None: each trainer's own."""
        made = self.model_copy()
        made._device, made._precision = device, precision
        return made

    def place(self) -> dict[str, str]:
        """Return where, and in which precision, its trained networks are evaluated; the trainer has its own."""
        return {"device": self._device, "precision": self.precision}

    def written(self, registry: Registry) -> dict[str, Any]:
        """Return what its file says, with what the shell chose in its place, as JSON values; not its name and title.

        Components whose files lie beside the suite's are written with the paths by which they are found from here.

        Raises:
            SuiteError: as `components`.
        """
        data = self.model_dump(mode="json", exclude_unset=True, exclude={"name", "title"})
        for axis in AXES.values():
            if axis.plural in data:
                found = self.components(axis.name, registry)
                if found != self.as_typed(axis.plural).components(axis.name, registry):
                    data[axis.plural] = [table_form(each, registry) for each in found]
        return data

    @property
    def most_apart(self) -> float:
        """On how many axes a combination may differ from the first of each list."""
        return math.inf if self.vary_at_most is None else self.vary_at_most

    @property
    def family(self) -> str:
        """The name that it shares with selections from it."""
        return self.name.removesuffix(SELECTION)

    @property
    def origin(self) -> str:
        """The file that it was read from."""
        return self._origin

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any], origin: str, chosen: Collection[str] = ()) -> Suite:
        """Make a suite from the content of a TOML file.

        Arguments:
            data: the content.
            origin: the file.
            chosen: the words of the options that took the place of what the file says.

        Raises:
            SuiteError: a key is unknown, missing or has a forbidden value; the line begins with `origin`, or with the
                options that are to blame.
        """
        try:
            suite = cls.model_validate(data)
        except ValidationError as error:
            key, rule = _explain(error)
            where = _options(key, rule, chosen) if chosen else f"{origin}: {key}" if key else origin
            raise SuiteError(f"{where}: {rule}") from error
        suite._origin = origin
        return suite

    def with_selection(self, **choices: Any) -> Suite:
        """Return the suite with what the command line chose in place of its own; what is empty or None stays.

        Arguments:
            choices: components under the keys of a suite (`samplers=["heun"]`), `steps`, `seeds`, `rank_by`, and the
                words of `SETTINGS`. Where none is named that ranks, it is those of the suite that are among the metrics
                that are chosen, or whose names are; else the first.

        Raises:
            SuiteError: a value is forbidden.
        """
        repeatable = {axis.plural for axis in AXES.values()}
        given = {k: v for k, v in choices.items() if v is not None and not (k in repeatable and not v)}
        if not given:
            return self
        chosen: dict[str, Any] = {}
        for key, value in given.items():
            section, _, name = SETTINGS.get(key, key).rpartition(".")
            place = chosen.setdefault(section, self._written(section)) if section else chosen
            place[name] = list(value) if isinstance(value, tuple) else value
        if "metrics" in chosen and "rank_by" not in chosen:
            try:
                chosen["rank_by"] = self._ranking_among([_request(form) for form in chosen["metrics"]])
            except ComponentError as error:
                raise SuiteError(f"{_option('metrics')}: {error}") from error
        data = self.model_dump(exclude_unset=True) | chosen | {"name": f"{self.family}{SELECTION}"}
        changed = Suite.from_mapping(data, COMMAND_LINE, given)
        changed._origin = self._origin
        changed._device, changed._precision = self._device, self._precision
        changed._overridden = self._overridden | frozenset(chosen)
        return changed

    def _ranking_among(self, metrics: Sequence[Request]) -> list[str]:
        """Return what ranks where only these metrics are measured."""
        chosen = [name for each in self.rank_by for name in _of_its_name(each, metrics)]
        return list(dict.fromkeys(chosen)) or [metrics[0].name]

    def _written(self, section: str) -> dict[str, Any]:
        """Return what the suite itself says in one of its sections."""
        written: dict[str, Any] = getattr(self, section).model_dump(exclude_unset=True)
        return written

    def components(self, axis: str, registry: Registry) -> list[Component]:
        """Return every component that the suite names on an axis, in its order.

        Raises:
            SuiteError: one is unknown, has a bad parameter, or is listed twice.
        """
        key = AXES[axis].plural
        found: dict[Component, None] = {}
        for form in getattr(self, key):
            try:
                made = registry.parse(axis, form)
            except ComponentError as error:
                raise SuiteError(f"{self.where(key)}: {error}") from error
            for component in map(self._located(key), made):
                if component in found:
                    raise SuiteError(f"{self.where(key)}: {registry.label(component)} is listed twice")
                found[component] = None
        return list(found)

    def _located(self, key: str) -> Callable[[Component], Component]:
        """Return what finds the files of components: beside the suite's own file, unless the shell named them."""
        folder = None if key in self._overridden or self._origin == COMMAND_LINE else Path(self._origin).parent
        return lambda component: component if folder is None else component.located(folder)

    def metric_components(self, registry: Registry) -> tuple[list[Metric], list[Metric]]:
        """Return the metrics, and those among them that rank, in order of preference.

        Raises:
            SuiteError: a metric is unknown, or one of `rank_by` fits none or several of them, or makes no rank, or is
                there twice.
        """
        metrics = cast(list[Metric], self.components("metric", registry))
        found = [self._ranking_metric(name, metrics, registry) for name in self.rank_by]
        if len(set(found)) < len(found):
            twice = next(metric for i, metric in enumerate(found) if metric in found[:i])
            raise SuiteError(f"{self.where('rank_by')}: {registry.label(twice)} is listed twice")
        return metrics, found

    def _ranking_metric(self, name: str, metrics: Sequence[Metric], registry: Registry) -> Metric:
        """Return the metric that an entry of `rank_by` means."""
        try:
            request = parse_request(name)
            cls = registry.find("metric", request.name)
            wanted = registry.make("metric", request) if request.values else []
        except ComponentError as error:
            raise SuiteError(f"{self.where('rank_by')}: {error}") from error
        fitting = [metric for metric in metrics if metric in wanted or registry.label(metric) == name]
        if not request.values:
            # A bare name means the one metric of that name, whatever its parameters.
            fitting = fitting or [metric for metric in metrics if type(metric) is cls]
        if len(fitting) != 1:
            labels = " or ".join(registry.label(metric) for metric in fitting or metrics)
            raise SuiteError(f"{self.where('rank_by')}: {name!r} does not fit one metric; write {labels}")
        if fitting[0].compared_by == "nothing":
            raise SuiteError(f"{self.where('rank_by')}: {name} makes no rank: smaller is not better")
        return fitting[0]

    def as_typed(self, key: str) -> Suite:
        """Return the suite with a key as the shell would have given it: its files are not those beside the suite's."""
        made = self.model_copy()
        made._overridden = self._overridden | {key}
        return made

    def where(self, key: str) -> str:
        """Return the beginning of an error line: the file and the key, or the option that took its place."""
        return _option(key) if key in self._overridden else f"{self._origin}: {key}"


def table_form(component: Component, registry: Registry) -> dict[str, Any]:
    """Return a component as a table of a suite."""
    values = component.parameters()
    name = registry.label(component).partition(":")[0]
    # A list would mean several components.
    return {"name": name} | {k: [values[k]] if isinstance(values[k], list) else values[k] for k in component.changed()}


def _of_its_name(ranking: str, metrics: Sequence[Request]) -> list[str]:
    """Return what stands for a metric that ranks among some metrics: itself, else one of its name; none without any."""
    own = parse_request(ranking)
    namesakes = [metric for metric in metrics if metric.name == own.name]
    if any(setting in metric.settings() for metric in namesakes for setting in own.settings()):
        return [ranking]
    return [own.name] if namesakes else []


def _options(key: str, rule: str, chosen: Collection[str]) -> str:
    """Return the options that a mistake comes from: those of its rule, of its section, or of its key.

    Arguments:
        key: of the mistake; of a rule of a whole section, that section; empty where it is one of the whole suite.
        rule: what is wrong.
        chosen: the words of all options that were given.
    """
    keys = [SETTINGS.get(word, word) for word in chosen]
    beside = [each for each in keys if each.rpartition(".")[0] == key]
    named = [each for each in keys if re.search(rf"\b{each.rpartition('.')[2]}\b", rule)]
    found = [each for each in named if each in beside] or named or beside
    if key in ("", *_SECTIONS) and found:
        return " and ".join(map(_option, found))
    return _option(key) if key else COMMAND_LINE


def _option(key: str) -> str:
    """Return the command-line option that stands for a key."""
    word = key.partition("[")[0]
    options = {axis.plural: axis.option for axis in AXES.values()}
    options |= {key: f"--{name.replace('_', '-')}" for name, key in SETTINGS.items()}
    return options.get(word, f"--{word.replace('_', '-')}")


def shipped_suites() -> list[str]:
    """Return the names of the suites that ship with the package, sorted."""
    folder = resources.files("harness") / "suites"
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))


def load_suite(name_or_path: str) -> Suite:
    """Read a suite: one that ships with the package, by name, or a TOML file, by path.

    Raises:
        SuiteError: there is no such suite, it cannot be read, or it is malformed.
    """
    shipped = shipped_suites()
    if name_or_path in shipped:
        text = (resources.files("harness") / "suites" / f"{name_or_path}.toml").read_text(encoding="utf-8")
        return Suite.from_mapping(toml_content(text, f"{name_or_path}.toml", "a suite"), f"{name_or_path}.toml")
    path = Path(name_or_path)
    if not name_or_path or (not path.exists() and path.suffix != ".toml" and path.name == name_or_path):
        raise SuiteError(f"unknown suite {name_or_path!r}; {did_you_mean(name_or_path, shipped)} (or give a TOML file)")
    try:
        content = read_toml(name_or_path, "a suite")
    except SuiteError as error:
        if path.suffix in ("", ".toml") or not path.is_file():
            raise
        rule = f"what to use on data: harness recommend {shlex.quote(name_or_path)}"
        raise SuiteError(f"{name_or_path}: is no suite, which is a name or a TOML file; {rule}") from error
    return Suite.from_mapping(content, name_or_path)


def read_toml(name: str, noun: str) -> dict[str, Any]:
    """Return what a TOML file holds.

    Arguments:
        name: its path.
        noun: what it is to be, with its article.

    Raises:
        SuiteError: it cannot be read, or is no such file.
    """
    path = Path(name)
    try:
        # To open a pipe waits for its other end, and a device has none.
        if path.exists() and not path.is_file() and not path.is_dir():
            raise SuiteError(f"{name}: is a device or a pipe; {noun} is a TOML file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise SuiteError(f"{name}: has more than {LARGEST:,} bytes; {noun} is a short TOML file")
        return toml_content(content.decode("utf-8"), name, noun)
    except OSError as error:
        raise SuiteError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SuiteError(f"{name}: is no UTF-8 text; {noun} is a TOML file") from error


def toml_content(text: str, origin: str, noun: str) -> dict[str, Any]:
    """Return what the text of a TOML file holds; `origin` is how errors call it, the rest as of `read_toml`."""
    try:
        data = tomllib.loads(text)
        repr(data)  # no message could show a number that Python does not turn into text
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(f"{origin}: is not valid TOML: {error}") from error
    except ValueError as error:
        # Python turns no number of thousands of digits into text, nor text into such a number.
        raise SuiteError(f"{origin}: holds a number of too many digits; a number has at most 4300") from error
    except RecursionError as error:
        raise SuiteError(f"{origin}: is nested too deeply; {noun} is a table of lists and tables") from error
    return data


def _explain(error: ValidationError) -> tuple[str, str]:
    """Return the key of the first mistake in a suite, and what is wrong with it."""
    first, *others = error.errors()
    if first["type"] == "missing":
        # It may have been misspelled: an unknown key beside it is told in its place.
        beside = (o for o in others if o["type"] == "extra_forbidden" and o["loc"][:-1] == first["loc"][:-1])
        first = next(beside, first)
    place, model = first["loc"], _model(first["loc"])
    if place[:1] == ("training",) and len(place) > 1:
        method, place = str(place[1]), ("training", *place[2:])
        others_keys = {key: name for name, section in TRAININGS.items() for key in section.model_fields}
        if first["type"] == "extra_forbidden" and place[-1] in others_keys:
            return "training", f'{place[-1]} is for method = "{others_keys[str(place[-1])]}"; this is "{method}"'
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return key.removeprefix("."), _rule(first, model)


def _model(place: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the model whose field a mistake is in."""
    if place[:1] == ("training",) and len(place) > 1:
        return TRAININGS[str(place[1])]
    model: type[BaseModel] = Suite
    for part in place[:-1]:
        annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        annotation = next(iter(get_args(annotation)), annotation)  # a section that may be left out
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return model


ALONE: Mapping[int | str, str] = {"seeds": "a number or ", "sigma_max": "a number or ", "rank_by": "a metric or "}
"""What may stand in place of a list, by the key of the list."""


def _rule(mistake: ErrorDetails, model: type[BaseModel]) -> str:
    given = f"{mistake['input']!r} is not valid"
    match mistake["type"]:
        case "extra_forbidden":
            return f"unknown key; {did_you_mean(str(mistake['loc'][-1]), model.model_fields)}"
        case "missing":
            section = "" if model is Suite else f" with [{mistake['loc'][0]}]"
            return f"is missing; every suite{section} must give it"
        case "value_error":
            return mistake["msg"].removeprefix("Value error, ")
        case "tuple_type":
            return f"{given}; it should be {ALONE.get(mistake['loc'][-1], '')}a list"
        case "too_short":
            return "is empty; it should list at least one value"
        case "model_type":
            return f"{given}; it should be a table"
        case "string_pattern_mismatch":
            return f"{given}; it should be lower-case words joined by hyphens"
    return f"{given}; {mistake['msg'].replace('Input should', 'it should')}"
