"""Upgrades: how a leaderboard of an older version becomes one of the next, and so which version is the present one.

Malformed documents pass through, to be refused after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness import DISTRIBUTION
from harness.axes import NUMBERS, Axis, crossed
from harness.components import digest, parse_request
from harness.results.document import Upgrade
from harness.results.older import declarations, title
from harness.results.references import short_form


def _before(axis: Axis, row: dict[str, Any], version: str) -> dict[str, Any]:
    """Return the component that a row had before documents named an axis: its default, or none in no training."""
    trained = axis.phase != "training" or row.get("train_steps") != 0
    request = parse_request(*((trained and axis.default) or (axis.absent,)))
    params = {key: value for key, (value,) in request.values.items()}
    found = {"name": request.name, "params": params, "distribution": DISTRIBUTION, "version": version}
    return {**found, "digest": digest(axis.name, request.name, *([params] if params else []))}


def _with_new_axes(document: dict[str, Any], since: int) -> dict[str, Any]:
    """Give rows the axes that are new in a version."""
    environment = document.get("environment")
    version = str(environment.get("harness", "0") if isinstance(environment, dict) else "0")
    axes = [axis for axis in crossed().values() if axis.since == since]
    return _with_fields(document, lambda row: {axis.name: _before(axis, row, version) for axis in axes}, "rows")


def _with_new_numbers(document: dict[str, Any], since: int) -> dict[str, Any]:
    """Give rows the settings of the training that are numbers of theirs from a version on: trained ones the one value.

    That is unknown before version 3.
    """
    told = document
    for key in ("setup", "training", "params"):
        found = told.get(key)
        told = found if isinstance(found, dict) else {}
    new = [name for name, number in NUMBERS.items() if number.training and number.since == since]

    def numbers(row: dict[str, Any]) -> dict[str, Any]:
        return {name: told.get(name) if row.get("train_steps") else None for name in new}

    return _with_fields(document, numbers, "rows")


def _with_fields(part: dict[str, Any], new: Callable[[dict[str, Any]], dict[str, Any]], *path: str) -> dict[str, Any]:
    """Give each object at a path of keys, through all entries of a list, the fields that it lacks."""
    if not path:
        return new(part) | part
    key, *rest = path
    found = part.get(key)
    if isinstance(found, dict):
        return part | {key: _with_fields(found, new, *rest)}
    if isinstance(found, list):
        return part | {key: [_with_fields(each, new, *rest) if isinstance(each, dict) else each for each in found]}
    return part


def _without_levels(document: dict[str, Any]) -> dict[str, Any]:
    """From version 1 to 2: rows start at a level and a cost that they do not tell."""
    return _with_fields(document, lambda row: {"sigma_max": None, "compute": None, "training_share": None}, "rows")


def _without_setup(document: dict[str, Any]) -> dict[str, Any]:
    """From version 2 to 3: metrics and bounds are those that shipped then, by their names; what is new is not known.

    Its intervals, effects and violations stay what they were: of all rows together, taken as independent. Effects were
    factors.
    """
    rows = document.get("rows")
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    metrics, bounds = (
        sorted({name for row in found if isinstance(row.get(field), dict) for name in row[field]})
        for field in ("metrics", "bounds")
    )
    new: dict[str, Any] = {
        "setup": None,
        "declared": declarations(metrics, bounds).model_dump(mode="json"),
        "interactions": [],
    }
    document = _with_fields(new | document, lambda row: {"same_as": [], "bound_highs": {}}, "rows")
    document = _with_fields(document, lambda violation: {"bound_high": None}, "rows", "violations")
    document = _with_fields(document, lambda entry: {"sampler": None, "clusters": None}, "agreement")
    return _with_fields(document, lambda effect: {"among": None, "difference": None}, "effects")


def _without_pictures(document: dict[str, Any]) -> dict[str, Any]:
    """From version 3 to 4: nothing was kept of samples that are images, cells of interactions were factors, every row
    applied.

    Why a metric or a bound does not apply, how many points a finite target has and which parameters differ from their
    defaults is not told.
    """
    document = _with_fields(document, lambda row: {"not_applicable": {}, "pictures": None}, "rows")
    document = _with_fields(document, lambda cell: {"difference": None}, "interactions", "cells")
    document = _with_fields(document, lambda setup: {"changed": {}}, "setup")
    unknown = ("train", "held_out", "pictures")
    return _with_fields(document, lambda target: dict.fromkeys(unknown), "setup", "targets")


def _without_splits(document: dict[str, Any]) -> dict[str, Any]:
    """From version 4 to 5: all seeds had one split of a finite target; which metric tells copies goes by its name."""
    one = {"splits": 1}
    document = _with_fields(document, lambda target: one | {"tested": target.get("held_out")}, "setup", "targets")
    metrics = document["declared"].get("metrics") if isinstance(document.get("declared"), dict) else None
    if not isinstance(metrics, dict):
        return document
    known = declarations(metrics, ()).metrics
    told = {
        label: {"copies_below": known[label].copies_below} | own if isinstance(own, dict) else own
        for label, own in metrics.items()
    }
    return document | {"declared": document["declared"] | {"metrics": told}}


def _with_one_metric(document: dict[str, Any]) -> dict[str, Any]:
    """From version 4 to 5: one metric ranked every target, and effects were of it."""
    metric, rows = document.get("metric"), document.get("rows")
    found = [row.get("target") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    labels = dict.fromkeys(_label(target) for target in found if isinstance(target, dict))
    rankings = [{"target": label, "metric": metric, "effects_by": metric, "settling": None} for label in labels]
    kept = {key: value for key, value in document.items() if key != "metric"}
    return {"rank_by": [metric], "rankings": rankings} | kept


def _label(target: dict[str, Any]) -> str:
    """Return a label that fits one target alone, with all of its parameters."""
    params = target.get("params")
    name = f"{target.get('distribution')}/{target.get('name')}"
    return short_form(name, params if isinstance(params, dict) else {})


def _from_version_4(document: dict[str, Any]) -> dict[str, Any]:
    return _with_one_metric(_without_splits(document))


def _from_version_5(document: dict[str, Any]) -> dict[str, Any]:
    """From version 5 to 6: what was typed to make it stood on its page alone, and nothing was certified."""
    return {"command": None, "certificates": []} | document


def _without_title(document: dict[str, Any]) -> dict[str, Any]:
    """From version 6 to 7: what a suite asks stood in it alone; of one that ships it goes by its name."""
    return {"title": title(document.get("suite"))} | document


def _without_making(document: dict[str, Any]) -> dict[str, Any]:
    """From version 7 to 8: neither levels, checkpoints and times were told, nor all that its suite said."""
    document = _with_fields(document, lambda row: {"grid": None, "trained": None}, "rows")
    return {"definition": None, "computation": None, "grids": [], "networks": []} | document


def _without_grids_of_orders(document: dict[str, Any]) -> dict[str, Any]:
    """From version 9 to 10: intervals of τ knew networks alone, and which values vary over points was not told."""
    document = _with_fields(document, lambda entry: {"grids": None}, "agreement")
    return _with_fields(document, lambda ranking: {"over_points": None}, "rankings")


_CHANGES: dict[int, Upgrade] = {
    1: _without_levels,
    2: _without_setup,
    3: _without_pictures,
    4: _from_version_4,
    5: _from_version_5,
    6: _without_title,
    7: _without_making,
    9: _without_grids_of_orders,
}
"""What becomes of documents of a version besides the axes and numbers that are new in the next."""

_SINCE = {axis.since for axis in crossed().values()} | {number.since for number in NUMBERS.values()}

VERSION = max(_CHANGES.keys() | {since - 1 for since in _SINCE}) + 1
"""The schema version: the last that changed the contract, by hand, by an axis or by a number."""


def _upgrade(version: int) -> Upgrade:
    """Return how a document of a version becomes one of the next."""
    change = _CHANGES.get(version, dict)
    return lambda document: _with_new_numbers(_with_new_axes(change(document), version + 1), version + 1)


UPGRADES: Mapping[int, Upgrade] = {version: _upgrade(version) for version in range(1, VERSION)}
"""By version, how its documents become those of the next."""
