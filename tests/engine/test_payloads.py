"""The payloads of records: the JSON that is kept, to the letter, and what is read back."""

import json
import math

import numpy as np
import pytest

from harness.engine.payloads import grid, target
from harness.engine.payloads.measured import (
    bound_from_json,
    check_bound,
    measurement_from_json,
    measurement_to_json,
)
from harness.engine.payloads.pictures import SamplePicturesPayload, TargetPicturesPayload
from harness.engine.payloads.sampling import SamplingPayload
from harness.engine.payloads.training import ObjectivePayload, TrainingPayload
from harness.errors import ContractError, NotApplicable
from harness.metrics import Measurement

TERMS = {"initialization": 0.5, "score": 1.0, "discretization": 2.0, "variance": -0.5, "total": 3.0}
FIXED = ObjectivePayload(0.25, 3, 8, np.array([0.1, 1.0]), np.array([0.75, 0.25]))

KEPT = [
    (grid.to_json(np.array([8.0, 0.5])), '{"sigmas": [8.0, 0.5]}'),
    (TrainingPayload("ab", 0.5).to_json(), '{"sha256": "ab", "loss": 0.5}'),
    (
        TrainingPayload("ab", 0.25, FIXED).to_json(),
        '{"sha256": "ab", "loss": 0.25, "objective": {"loss": 0.25, "seed": 3, "points": 8, "sigma": [0.1, 1.0], '
        '"beta": [0.75, 0.25]}}',
    ),
    (SamplingPayload(4, None).to_json(), '{"nfe": 4, "budget": null}'),
    (
        SamplingPayload(4, TERMS).to_json(),
        '{"nfe": 4, "budget": {"initialization": 0.5, "score": 1.0, "discretization": 2.0, "variance": -0.5, '
        '"total": 3.0}}',
    ),
    (
        measurement_to_json(Measurement(1.0, 0.5, 0.25, 7, True)),
        '{"value": 1.0, "standard_error": 0.5, "bias": 0.25, "freedom": 7.0, "shared": true}',
    ),
    (
        measurement_to_json(Measurement(1.0, 0.5)),
        '{"value": 1.0, "standard_error": 0.5, "bias": 0.0, "freedom": null, "shared": false}',
    ),
    (
        measurement_to_json(Measurement(1.0, 0.5, groups=(0.5, 1.5))),
        '{"value": 1.0, "standard_error": 0.5, "bias": 0.0, "freedom": null, "shared": false, "groups": [0.5, 1.5]}',
    ),
    (measurement_to_json(NotApplicable("no path")), '{"not_applicable": "no path"}'),
    (SamplingPayload(4, None, labelled=True).to_json(), '{"nfe": 4, "budget": null, "labelled": true}'),
    (SamplingPayload(4, None, 1.5).to_json(), '{"nfe": 4, "budget": null, "spread": 1.5}'),
    (
        SamplingPayload(4, None, 1.5, SamplePicturesPayload(True, ["AP8=", None])).to_json(),
        '{"nfe": 4, "budget": null, "spread": 1.5, "pictures": {"conditional": true, "images": ["AP8=", null]}}',
    ),
    (
        TargetPicturesPayload([1, 1, 2], -1.0, 1.0, [0, 1], ["AP8=", None]).to_json(),
        '{"shape": [1, 1, 2], "low": -1.0, "high": 1.0, "classes": [0, 1], "images": ["AP8=", null]}',
    ),
    (
        measurement_to_json(Measurement(2.0, 0.25, freedom=7, shared=True)),
        '{"value": 2.0, "standard_error": 0.25, "bias": 0.0, "freedom": 7.0, "shared": true}',
    ),
    (measurement_to_json(NotApplicable("no path")), '{"not_applicable": "no path"}'),
]


@pytest.mark.parametrize(("payload", "text"), KEPT)
def test_what_is_kept_is_this_text(payload, text):
    """Directories that exist hold it: another order of the fields, or another name, is another format."""
    assert json.dumps(payload, allow_nan=False) == text


def test_what_is_read_is_what_was_written():
    assert grid.from_json(grid.to_json(np.array([8.0, 0.5]))) == [8.0, 0.5]
    for training in (TrainingPayload("ab", 0.5), TrainingPayload("ab", 0.25, FIXED)):
        assert TrainingPayload.from_json(json.loads(json.dumps(training.to_json()))).to_json() == training.to_json()
    shown = TargetPicturesPayload([1, 1, 2], -1.0, 1.0, [], ["AP8="])
    assert TargetPicturesPayload.from_json(json.loads(json.dumps(shown.to_json()))) == shown
    pictures = SamplePicturesPayload(False, ["AP8=", None])
    for sampling in (
        SamplingPayload(4, TERMS),
        SamplingPayload(4, None),
        SamplingPayload(4, None, 1.5),
        SamplingPayload(4, TERMS, labelled=True),
        SamplingPayload(4, None, 1.5, pictures),
    ):
        assert SamplingPayload.from_json(sampling.to_json()) == sampling
    for said in (
        Measurement(1.0, 0.5, 0.25, 7.0, True),
        Measurement(1.0, 0.5),
        Measurement(1.0, 0.5, groups=(0.0, 2.0)),
    ):
        assert measurement_from_json(measurement_to_json(said)) == said
    assert measurement_from_json(measurement_to_json(Measurement(1.0, 0.5))).freedom == math.inf
    # Records that exist hold the value of a bound alone.
    assert bound_from_json({"value": 2.0}) == Measurement(2.0, 0.0, shared=True)
    assert (
        measurement_from_json({"not_applicable": "no path"}) is bound_from_json({"not_applicable": "no path"}) is None
    )


def test_a_target_is_read_part_by_part(registry):
    (ring,) = registry.parse("target", "gaussian:dim=3,std=0.7")
    law = ring.distribution()
    payload = json.loads(json.dumps(target.to_json(law, law.closed_information(), None, 0.01, 80.0)))
    sizes = ["train", "held_out"]
    assert list(payload) == [
        "dim",
        "sigma_data",
        "second_moment",
        "finite",
        "notes",
        *sizes,
        "information",
        "least_loss",
    ]
    numbers = target.numbers_from_json(payload)
    assert (numbers.dim, numbers.finite, numbers.train, numbers.held_out) == (3, False, None, None)
    assert numbers.sigma_data == pytest.approx(0.7)
    u = np.array([0.25, 4.0])
    np.testing.assert_array_equal(target.curve_from_json(payload, law).fisher(u), law.closed_information().fisher(u))
    np.testing.assert_allclose(target.least_loss_from_json(payload)(u**0.5), [3 * 0.49 / (0.49 + u)], atol=3e-6)
    # Of a record that lacks one part the others are read all the same.
    del payload["least_loss"]
    assert target.numbers_from_json(payload) == numbers


@pytest.mark.parametrize("said", [math.nan, math.inf, "1", True, None])
def test_a_bound_that_is_no_finite_number_is_refused(said):
    with pytest.raises(ContractError, match="a bound must be a finite number"):
        check_bound(said)


@pytest.mark.parametrize("numbers", [(math.nan, 0.0, 0.0), (1.0, math.inf, 0.0), (1.0, 0.0, math.nan)])
def test_a_measurement_that_is_not_finite_is_refused(numbers):
    with pytest.raises(ContractError, match="must be finite"):
        measurement_to_json(Measurement(*numbers))


@pytest.mark.parametrize("groups", [(1.0,), (0.0, math.nan), (0.0, 1.0), (1.0, 1.0 + 1e-6)])
def test_groups_that_do_not_make_up_the_value_are_refused(groups):
    with pytest.raises(ContractError, match=r"^returned \d groups of mean .* for the value 1; there must be 2 or more"):
        measurement_to_json(Measurement(1.0, 0.1, groups=groups))
