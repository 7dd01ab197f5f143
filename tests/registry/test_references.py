"""References: what identifies a component, checked."""

import json

import pytest
from pydantic import ValidationError

from harness.axes import AXES
from harness.components import ComponentError
from harness.planning.manifest import absent
from harness.registry.references import Reference


def test_the_registry_makes_one_of_each_component_and_its_json_reads_back(registry):
    (heun,) = registry.parse("sampler", "heun")
    made = registry.reference(heun)
    assert (made.name, made.distribution) == ("heun", "diffusion-harness")
    assert Reference.model_validate(json.loads(made.model_dump_json())) == made
    assert registry.reference(heun) == made


def test_its_key_tells_parameters_and_digests_apart(registry):
    three, seven, again = registry.parse("time_discretization", "polynomial:rho=3,7") + registry.parse(
        "time_discretization", {"name": "polynomial", "rho": 3}
    )
    keys = [registry.reference(each).key for each in (three, seven, again)]
    assert keys[0] == keys[2] != keys[1]
    other = Reference.model_validate(registry.reference(three).model_dump() | {"digest": "0"})
    assert other.key != keys[0]


@pytest.mark.parametrize(
    ("axis", "form"),
    [
        ("sampler", "heun"),
        ("time_discretization", "polynomial:rho=3,variable=sigma"),
        ("network", "mlp:width=16,precondition=v"),
        ("weighting", "edm:p_mean=-0.5,sigma_data=0.3"),
        ("target", "digits"),
    ],
)
def test_a_component_is_made_again_from_its_json(registry, axis, form):
    (component,) = registry.parse(axis, form)
    reference = Reference.model_validate(json.loads(registry.reference(component).model_dump_json()))
    assert registry.remake(axis, reference) == component


def test_one_that_is_no_longer_what_it_was_is_refused(registry):
    (heun,) = registry.parse("sampler", "heun")
    known = registry.reference(heun).model_dump()
    for change, message in [
        (
            {"digest": "0" * 32},
            "sampler heun of diffusion-harness .* is no longer what made these results: its code has",
        ),
        ({"name": "heunn"}, "unknown sampler"),
        ({"distribution": "elsewhere"}, "unknown sampler 'elsewhere/heun'"),
        ({"params": {"order": 3}}, "has no parameter"),
    ]:
        with pytest.raises(ComponentError, match=message):
            registry.remake("sampler", Reference.model_validate(known | change))


def test_what_stands_for_no_component_is_one_too():
    assert absent(AXES["weighting"]).name == "none"


@pytest.mark.parametrize("change", [{"name": ""}, {"version": 1}, {"params": {"a": float("nan")}}, {"origin": "x"}])
def test_it_is_strict(registry, change):
    (heun,) = registry.parse("sampler", "heun")
    with pytest.raises(ValidationError):
        Reference.model_validate(registry.reference(heun).model_dump() | change)
