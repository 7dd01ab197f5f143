"""The payload of a target: its numbers, its J(u), and the least loss that any network has on it.

Each of the three is read alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.engine import curves
from harness.engine.payloads.pictures import TargetPicturesPayload
from harness.engine.range_notes import range_notes
from harness.mixtures import EmpiricalDistribution

if TYPE_CHECKING:
    from harness.information import Information
    from harness.targets import Distribution


@dataclass(frozen=True)
class TargetNumbers:
    """A target in numbers, in units of the data.

    Attributes:
        dim: dimension d of a point.
        sigma_data: root mean square deviation of one coordinate from its mean.
        second_moment: m₂² = E‖X_0‖².
        finite: whether it is a finite data set, of which these are the numbers of the training part.
        notes: what a reader of its results must know of the data and of the range of levels, a sentence each.
        train: points of the training part of a finite data set; None of any other law, or where it is not known.
        held_out: points that are held out for metrics, and as many again for a perfect generator; likewise.
        pictures: a few of its points; None where they are no images.
    """

    dim: int
    sigma_data: float
    second_moment: float
    finite: bool
    notes: tuple[str, ...] = ()
    train: int | None = None
    held_out: int | None = None
    pictures: TargetPicturesPayload | None = None


def to_json(
    law: Distribution,
    information: Information,
    labelled: Information | None,
    sigma_min: float,
    sigma_max: float,
    pictures: TargetPicturesPayload | None = None,
) -> dict[str, Any]:
    """Return what is known of a target over a range of noise levels, as JSON values.

    Arguments:
        law: the target.
        information: its J(u).
        labelled: the mean over labels of J(u) of the points that have the label; None where they have none.
        sigma_min: the lowest level.
        sigma_max: the highest.
        pictures: a few of its points, where they are images.
    """
    given = {} if labelled is None else {"information_given_labels": curves.information_to_json(labelled)}
    notes = (*law.notes, *range_notes(law, information, sigma_min, sigma_max))
    sizes = (law.size, len(law.parts[0])) if isinstance(law, EmpiricalDistribution) else ()
    numbers = TargetNumbers(law.dim, law.sigma_data, law.second_moment, law.finite, notes, *sizes)
    shown = {} if pictures is None else {"pictures": pictures.to_json()}
    return {
        **{name: value for name, value in asdict(numbers).items() if name != "pictures"},
        **shown,
        "notes": list(notes),
        "information": curves.information_to_json(information),
        **given,
        "least_loss": curves.least_loss_to_json(information, sigma_min, sigma_max),
    }


def numbers_from_json(payload: Mapping[str, Any]) -> TargetNumbers:
    """Return the target in numbers.

    Raises:
        KeyError: a field is missing.
    """
    always, shown = ("dim", "sigma_data", "second_moment", "finite"), payload.get("pictures")
    known: dict[str, Any] = {
        each.name: payload.get(each.name) for each in fields(TargetNumbers) if each.name not in always
    }
    known["notes"] = tuple(payload.get("notes", ()))
    known["pictures"] = None if shown is None else TargetPicturesPayload.from_json(shown)
    return TargetNumbers(*(payload[name] for name in always), **known)


def curve_from_json(payload: Mapping[str, Any], law: Distribution, *, labelled: bool = False) -> Information:
    """Return J(u), or its mean over labels, each of the points that have the label; a closed form comes from the law.

    Raises:
        KeyError: a field is missing.
        HarnessError: it was measured on a target of another kind.
    """
    return curves.information_from_json(payload[information_name(labelled=labelled)], law)


def information_name(*, labelled: bool) -> str:
    """Return the field of a target's payload that holds J(u), or its mean over labels."""
    return "information_given_labels" if labelled else "information"


def least_loss_from_json(payload: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """Return c(σ) = d − uJ(u), from levels of shape (N,) to that of each replicate, shape (R, N).

    Raises:
        KeyError: a field is missing.
    """
    return curves.least_loss_from_json(payload["least_loss"])
