"""The sections of a suite, one table of the TOML file each, and the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    create_model,
    model_serializer,
    model_validator,
)

from harness.trainers import TRAINERS, Trainer
from harness.unfinished import EVERY

T = TypeVar("T")


def distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    """Return values none of which is listed twice; raises ValueError where one is."""
    seen = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{value} is listed twice")
        seen.add(value)
    return values


def _seeds(value: object) -> object:
    """Read a number n as the seeds 0 … n−1."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= 10_000:
            raise ValueError("the number of seeds is between 1 and 10000, or a list names each")
        return list(range(value))
    return value


def _listed(value: object) -> object:
    """Read one number as a list of it."""
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Integers = Annotated[tuple[T, ...], AfterValidator(distinct), Field(min_length=1, max_length=10_000)]
Steps = Annotated[int, Field(strict=True, ge=2, le=10_000)]
TrainSteps = Annotated[int, Field(strict=True, ge=1, le=10**7)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
Seeds = Annotated[Integers[Seed], BeforeValidator(_seeds)]
Positive = Annotated[float, Field(strict=True, gt=0)]
Level = Annotated[float, Field(strict=True, ge=1e-10, le=1e10)]
Count = Annotated[int, Field(strict=True, ge=1)]


APART = 1e-3
"""Relative distance of σ_min and the first level of a grid: levels closer than digits allow cannot be told apart."""


class SuiteSection(BaseModel):
    """A table of a suite: no unknown key, no infinite number."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Noise(SuiteSection):
    """The range of noise levels, shared by training and sampling."""

    sigma_min: Level = 0.05
    sigma_max: Level = 20.0

    @model_validator(mode="after")
    def _ordered(self) -> Noise:
        if self.sigma_min >= self.sigma_max:
            raise ValueError(f"sigma_min = {self.sigma_min:g} is not below sigma_max = {self.sigma_max:g}")
        if self.sigma_max < self.sigma_min * (1 + APART):
            pair = f"sigma_min = {self.sigma_min!r} and sigma_max = {self.sigma_max!r}"
            raise ValueError(f"{pair} are too near; they should be apart by a relative {APART:g} at least")
        return self


class Training(SuiteSection):
    """How every network is trained; several lengths are snapshots of one run.

    Each trainer has a subclass, with those of its fields that a suite may choose; None, which no suite can write, is
    the trainer's own default.
    """

    trained_by: ClassVar[type[Trainer]]

    steps: Integers[TrainSteps] = (1000,)
    method: str = next(iter(TRAINERS))

    def trainer(self, noise: Noise) -> Trainer:
        """Return the trainer, on a range of noise levels."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name not in Training.model_fields}
        known = {name: value for name, value in given.items() if value is not None}
        return self.trained_by(sigma_min=noise.sigma_min, sigma_max=noise.sigma_max, **known)

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what no suite can write."""
        return {key: value for key, value in handler(self).items() if value is not None}


def settings_of(trainer: type[Trainer]) -> dict[str, tuple[Any, Any]]:
    """Return what a suite may write for each setting of a trainer, and what it has where it writes nothing."""
    hints = get_type_hints(trainer, include_extras=True)
    chosen = [field for field in fields(trainer) if field.name not in trainer.fixed]
    return {field.name: _setting(hints[field.name], field.default) for field in chosen}


def _setting(hint: Any, default: Any) -> tuple[Any, Any]:
    """Return what may be written, and the default; of a number, or a word that stands for none, the number."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else ()
    if NoneType in members:
        return hint, default
    numbers = [each for each in members if get_origin(each) is not Literal]
    return (numbers[0] | None, None) if numbers else (hint, default)


def section_of(trainer: type[Trainer]) -> type[Training]:
    """Return the section of a trainer."""
    named: dict[str, Any] = {"method": (Literal[(*TRAINERS,)], trainer.method), **settings_of(trainer)}
    made = create_model(f"{trainer.__name__}Training", __base__=Training, **named)
    made.trained_by = trainer
    return made


TRAININGS: Mapping[str, type[Training]] = {method: section_of(trainer) for method, trainer in TRAINERS.items()}
"""The section of each method; the first is that of a suite that names none."""


def _method(section: object) -> str:
    """Return by which section a table is read; one of an unknown method by the first, which refuses it."""
    method = section.get("method") if isinstance(section, Mapping) else getattr(section, "method", None)
    return method if isinstance(method, str) and method in TRAININGS else next(iter(TRAININGS))


if TYPE_CHECKING:
    AnyTraining = Training
else:
    _TAGGED = tuple(Annotated[section, Tag(method)] for method, section in TRAININGS.items())
    AnyTraining = Annotated[Union[_TAGGED], Discriminator(_method)]  # noqa: UP007


class Sampling(SuiteSection):
    """How much every combination generates, and from which noise levels it starts."""

    samples: Annotated[int, Field(strict=True, ge=2, le=10**7)] = 2000
    sigma_max: Annotated[tuple[Level, ...], AfterValidator(distinct), BeforeValidator(_listed)] = ()


Total = Annotated[int, Field(strict=True, ge=1, le=10**15)]
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]


class Compute(SuiteSection):
    """Total evaluations of the network, and the shares of them that training takes (`harness.suites.compute`).

    Each pair of a total and a share stands for a length of training and a number of sampling steps.
    """

    evaluations: Integers[Total]
    training_shares: Integers[Share]


class Limits(SuiteSection):
    """What a run may take: combinations in all, seconds for one unit of work, and between states that are kept."""

    combinations: Count = 20_000
    seconds: Positive = 600.0
    keep_every: Positive = EVERY
