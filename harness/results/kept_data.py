"""Kept data: what samples of an answer need of the data it is about, beside it, so that it can be taken elsewhere.

The networks denoise by themselves. What is left is the law that sampling starts from, the frequencies of classes, and
the way back to the units of the data: a few numbers a coordinate, and a covariance where the start is made of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NoReturn

from pydantic import Field

from harness.data_units import DataUnits
from harness.engine.random_streams import seed_from
from harness.errors import HarnessError
from harness.results.document import Count, Document, DocumentError, Name, Part, Position, parse_json
from harness.targets import Distribution, Target

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.initial_laws import InitialLaw

FILE = "recommendation.safetensors"
"""The name of the file, beside that of the answer."""

MOST = 2**24
"""Numbers that are kept at most, 128 MB: a covariance of 4,096 coordinates."""

DRAWN = 256
"""Points of a target whose range is that of its pictures."""

PROBE = 2.0**20
"""How far out the way back to the data is measured, so that where it starts from costs no digit."""

AFFINE = 1e-9
"""By how much, relative to its size, it may be none that is affine."""

Level = Annotated[float, Field(gt=0)]
Tensors = dict[str, "Tensor"]


class KeptSplit(Part):
    """What is kept of the data that some networks were trained on, but for tensors.

    Attributes:
        seeds: of these networks.
        label: of the target, in short form.
        shape: of a point as networks see it; empty: it is a vector.
        dim: its dimension d.
        sigma_data: the deviation of a coordinate; second_moment: m₂².
        classes: number of classes; 0: points have no labels.
        data_shape: of a point of the data; `scale` and `columns` as of `harness.data_units.DataUnits`.
        low: the least value of some points of the data; `high` the largest.
    """

    seeds: Annotated[list[Count], Field(min_length=1)]
    label: Name
    shape: list[Position]
    dim: Position
    sigma_data: Level
    second_moment: Level
    classes: Count
    data_shape: list[Position]
    scale: Level | None
    columns: list[str]
    low: float
    high: float


class KeptData(Document):
    """What is kept of the data of an answer, but for tensors.

    Attributes:
        target: the digest of the target.
        splits: of its data, by the networks that were trained on them.
    """

    noun: ClassVar[str] = "what samples need of the data"

    schema_version: Literal[1] = 1
    target: Name
    splits: list[KeptSplit]


class KeptLaw(Distribution):
    """A law of which it is known what samples of a trained network need; the rest needs the data.

    Arguments:
        split: the numbers.
        tensors: mean, covariance and frequencies of classes, each where it is known.
    """

    finite = True

    def __init__(self, split: KeptSplit, tensors: Tensors) -> None:
        self.dim, self.sigma_data, self.second_moment = split.dim, split.sigma_data, split.second_moment
        self.shape, self.classes = tuple(split.shape), split.classes
        self._label, self._tensors = split.label, tensors

    def class_weights(self) -> Tensor:
        """Return the probability of each class, shape (classes,); raises as `denoise` where it is not kept."""
        return self._kept("class_weights")

    def mean_and_covariance(self) -> tuple[Tensor, Tensor]:
        """Mean (d,) and covariance (d, d); raises as `denoise` where they are not kept."""
        return self._kept("mean"), self._kept("covariance")

    def _kept(self, name: str) -> Tensor:
        return self._tensors[name] if name in self._tensors else self._lacks()

    def _lacks(self) -> NoReturn:
        raise HarnessError(f"this takes the data themselves, {self._label}; {WHERE}")

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Raise as `denoise`."""
        self._lacks()

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Raise HarnessError: the data are needed; it says how to tell where they are."""
        self._lacks()

    def log_density(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Raise as `denoise`."""
        self._lacks()

    def posterior_variance(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Raise as `denoise`."""
        self._lacks()

    def held_out(self, n: int, generator: torch.Generator, part: int = 0) -> Tensor:
        """Raise as `denoise`."""
        self._lacks()


WHERE = "say where the data are now: --data PATH (in Python .reading(PATH))"
"""What to do where data are needed that are not where they were."""


class KeptTarget(Target):
    """A target whose data are not at hand, by what is kept of them.

    Attributes:
        file: where that lies; `place` which of its splits; `digest` that of the target.
    """

    name: ClassVar[str] = "kept"

    file: str
    digest: str
    place: int

    @property
    def split(self) -> KeptSplit:
        """The numbers."""
        return _read(Path(self.file)).splits[self.place]

    def distribution(self) -> KeptLaw:
        """Return the law, as far as it is known."""
        return KeptLaw(self.split, self._tensors())

    def data_units(self) -> DataUnits:
        """Return how its points relate to the data."""
        split, tensors = self.split, self._tensors()
        center, factor = tensors["center"], tensors["factor"]

        def undo(points: Tensor) -> Tensor:
            return (points * factor if factor.ndim == 1 else points @ factor) + center

        return DataUnits(tuple(split.data_shape), split.scale, tuple(split.columns), undo)

    def label(self, parts: object = None) -> str:
        """Return the short form of the target whose data these were."""
        return self.split.label

    def _tensors(self) -> Tensors:
        from safetensors import safe_open

        with safe_open(self.file, "pt") as file:
            own = f"{self.place}."
            return {name.removeprefix(own): file.get_tensor(name) for name in file.keys() if name.startswith(own)}  # noqa: SIM118


def kept_target(directory: Path, digest: str, seed: int) -> KeptTarget | None:
    """Return what is kept of the data that the network of a seed was trained on; None where nothing is.

    Arguments:
        directory: of the answer.
        digest: of the target.
        seed: of the network.

    Raises:
        DocumentError: the file is damaged.
    """
    file = directory / FILE
    if not file.is_file() or (kept := _read(file)).target != digest:
        return None
    place = next((i for i, split in enumerate(kept.splits) if seed in split.seeds), None)
    return None if place is None else KeptTarget(file=str(file), digest=digest, place=place)


def picture_range(target: Target) -> tuple[float, float]:
    """Return the least and the largest value of some points of a target, in the units of the data."""
    import torch

    from harness.engine.drawing import units_of
    from harness.engine.laws import distribution

    if isinstance(target, KeptTarget):
        return target.split.low, target.split.high
    points = distribution(target).sample(DRAWN, torch.Generator().manual_seed(seed_from("pictures")))
    own = units_of(target).restore(points)
    return float(own.min()), float(own.max())


def keep_data(
    directory: Path, digest: str, splits: Sequence[tuple[Target, Sequence[int]]], start: tuple[InitialLaw, float]
) -> None:
    """Keep what samples need of the data of a target, as far as there is room for it.

    Arguments:
        directory: of the answer.
        digest: of the target.
        splits: what networks were trained on, and the seeds of those that were.
        start: the initial law, and the first level.

    Raises:
        HarnessError: a target that cannot be built, or is not what its contract says.
        OSError: it cannot be written.
    """
    from safetensors.torch import save

    from harness.whole_files import write_whole

    told: list[KeptSplit] = []
    tensors: Tensors = {}
    for split, own in _kept(splits, start):
        if sum(each.numel() for each in (*tensors.values(), *own.values())) > MOST:
            break
        tensors |= {f"{len(told)}.{name}": each.contiguous() for name, each in own.items()}
        told.append(split)
    if told:
        text = KeptData(target=digest, splits=told).to_json()
        write_whole(directory / FILE, save(tensors, {"document": text}))


def _kept(
    splits: Sequence[tuple[Target, Sequence[int]]], start: tuple[InitialLaw, float]
) -> Iterator[tuple[KeptSplit, Tensors]]:
    """Yield what there is to keep of each split, up to the first whose way back to the data is not affine."""
    from harness.engine.drawing import units_of
    from harness.engine.laws import distribution

    for target, seeds in splits:
        law, units = distribution(target), units_of(target)
        way = affine(units, law.dim)
        if way is None:
            return
        low, high = picture_range(target)
        split = KeptSplit(
            seeds=list(seeds),
            label=target.label(),
            shape=list(law.shape),
            dim=law.dim,
            sigma_data=law.sigma_data,
            second_moment=law.second_moment,
            classes=law.classes,
            data_shape=list(units.shape),
            scale=units.scale,
            columns=list(units.columns),
            low=low,
            high=high,
        )
        tensors = dict(zip(("center", "factor"), way, strict=True))
        if law.classes:
            tensors["class_weights"] = law.class_weights()
        try:
            start[0].start(KeptLaw(split, tensors), start[1])
        except HarnessError:  # it is made of the mean and the covariance
            tensors |= dict(zip(("mean", "covariance"), law.mean_and_covariance(), strict=True))
        yield split, tensors


def affine(units: DataUnits, dim: int) -> tuple[Tensor, Tensor] | None:
    """Return the way back to the data as x ↦ x·factor + center; None where it is not affine.

    Returns:
        center, shape (D,), and factor, shape (D,) where each coordinate goes by itself, else (d, D): x @ factor.
    """
    import torch

    def back(points: Tensor) -> Tensor:
        return units.restore(points).flatten(1)

    center = back(torch.zeros(1, dim, dtype=torch.float64))[0]
    some = torch.randn(8, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wanted = back(some)

    def fits(found: Tensor) -> bool:
        return bool(((found + center - wanted).abs() <= AFFINE * (wanted.abs() + center.abs())).all())

    if len(center) == dim:
        factor = (back(torch.full((1, dim), PROBE, dtype=torch.float64))[0] - center) / PROBE
        if fits(some * factor):
            return center, factor
    matrix = (back(PROBE * torch.eye(dim, dtype=torch.float64)) - center) / PROBE
    return (center, matrix) if fits(some @ matrix) else None


def _read(file: Path) -> KeptData:
    """Return what is kept, but for tensors; raises DocumentError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            text = (opened.metadata() or {}).get("document", "")
        return KeptData.validate(parse_json(text.encode(), file))
    except (SafetensorError, DocumentError, OSError) as error:
        raise DocumentError(f"{file} is damaged ({error}); {WHERE}") from error
