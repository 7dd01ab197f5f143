"""The registry: components by axis and name, made from what was asked for."""

import pytest
from harness_karras.networks import Mlp
from harness_karras.preconditionings import Edm
from harness_karras.samplers import Heun
from harness_salimans.preconditionings import VPrediction as V
from harness_song.samplers import Euler

from harness.components import ComponentError, parse_request
from harness.registry.registry import Offer, PluginInfo, Registry


@pytest.fixture
def two():
    """Two distributions, both with a `heun`, one with `euler`."""
    ours, theirs = PluginInfo("a", "ours", "1", "ok"), PluginInfo("b", "Their_Own", "2", "ok")
    theirs_heun = type("Heun", (Heun,), {"__module__": __name__})
    return Registry([Offer(Heun, ours), Offer(Euler, ours), Offer(theirs_heun, theirs)], [ours, theirs])


def test_a_name_of_one_is_bare_and_a_name_of_two_is_qualified(two):
    assert list(two.classes("sampler")) == ["Their_Own/heun", "euler", "ours/heun"]
    assert two.find("sampler", "euler") is Euler
    assert two.find("sampler", "ours/heun") is Heun
    assert two.find("sampler", "their-own/heun") is not Heun
    assert two.label(Heun()) == "ours/heun"
    assert two.label(Euler()) == "euler"


def test_a_clash_names_both_and_is_a_problem_of_each(two):
    line = "sampler 'heun' is offered by 2 distributions; write Their_Own/heun or ours/heun"
    with pytest.raises(ComponentError, match=line):
        two.find("sampler", "heun")
    assert [(problem.plugin, problem.reason) for problem in two.problems] == [("a", line), ("b", line)]


def test_an_unknown_name_has_candidates_and_axes_are_told_in_words(two, registry):
    with pytest.raises(ComponentError, match="unknown sampler 'eulr'; did you mean euler"):
        two.find("sampler", "eulr")
    with pytest.raises(ComponentError, match="unknown noise schedule 'emd'; did you mean edm"):
        registry.find("noise_schedule", "emd")


def test_several_values_are_several_components(registry):
    made = registry.make("time_discretization", parse_request("polynomial:rho=3,5"))
    assert [component.rho for component in made] == [3.0, 5.0]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("mlp:precondition=", "network 'mlp': precondition='' is not valid: it must be the name of one precond"),
        ("mlp:precondition=", "as precondition=edm; known: edm, eps, "),
        ("mlp:precondition=3", "precondition=3 is not valid: it must be the name of one preconditioning, as prec"),
        ("mlp:precondition=[3]", "precondition=[3] is not valid: it must be the name of one preconditioning"),
        ("mlp:precondition={}", "precondition={} is not valid: it must be the name of one preconditioning"),
        ("mlp:precondition=[v,edm]", "give several as values of their own: precondition=v,edm"),
        ('mlp:precondition=["v","edm"]', "give several as values of their own: precondition=v,edm"),
        ('mlp:precondition="v, edm"', "give several as values of their own: precondition=v,edm"),
        (
            'mlp:precondition="vp:beta_min=0.2,0.3"',
            'own: precondition="vp:beta_min=0.2","vp:beta_min=0.3"',
        ),
        (
            {"name": "mlp", "precondition": {"name": "vp", "beta_min": [0.2, 0.3]}},
            'own: precondition="vp:beta_min=0.2"',
        ),
        ('mlp:precondition="edm:x=1"', "preconditioning 'edm' has no parameter 'x'; it has no parameters"),
        ("mlp:precondition=emd", "unknown preconditioning 'emd'; did you mean edm"),
        ("exact:precondition=v", "network 'exact' has no parameter 'precondition'; it has no parameters"),
    ],
)
def test_what_is_no_one_part_says_what_would_be_right(form, message, registry):
    with pytest.raises(ComponentError) as caught:
        registry.parse("network", form)
    assert message in str(caught.value)
    assert len(str(caught.value)) <= 300


def test_several_parts_as_an_error_writes_them_are_several_components(registry):
    made = registry.parse("network", 'mlp:precondition="vp:beta_min=0.2","vp:beta_min=0.3"')
    assert [each.precondition.beta_min for each in made] == [0.2, 0.3]


def test_an_example_of_a_part_is_never_a_stranger():
    ours, theirs = PluginInfo("a", "diffusion-harness", "1", "ok"), PluginInfo("b", "acme", "2", "ok")
    foreign = type("Bad", (V,), {"__module__": __name__, "name": "bad-pre"})
    with pytest.raises(ComponentError, match=r"as precondition=v; known: bad-pre, v$"):
        Registry([Offer(Mlp, ours), Offer(V, ours), Offer(foreign, theirs)]).parse("network", "mlp:precondition=3")
    with pytest.raises(ComponentError, match=r"as precondition=bad-pre; known: bad-pre$"):
        Registry([Offer(Mlp, ours), Offer(foreign, theirs)]).parse("network", "mlp:precondition=3")


def test_a_class_of_no_plugin_has_no_provenance(two):
    class Alone(Heun):
        pass

    with pytest.raises(ComponentError, match="Alone is offered by no loaded plugin"):
        two.provenance(Alone)
    assert two.provenance(Euler).distribution == "ours"


def test_a_part_of_a_stranger_is_called_by_its_distribution_where_its_name_means_another():
    ours, theirs = PluginInfo("a", "diffusion-harness", "1", "ok"), PluginInfo("b", "acme", "2", "ok")
    foreign = type("V", (V,), {"__module__": __name__})
    found = Registry([Offer(Mlp, ours), Offer(V, ours), Offer(Edm, ours), Offer(foreign, theirs)], [ours, theirs])
    (own,), (other,) = (found.parse("network", f"mlp:precondition={name}") for name in ("v", "acme/v"))
    assert type(own.precondition) is V
    assert type(other.precondition) is foreign
    assert [found.label(each) for each in (own, other)] == ["mlp:precondition=v", "mlp:precondition=acme/v"]
    assert [found.reference(each).params["precondition"] for each in (own, other)] == ["v", "acme/v"]
    for each in (own, other):
        assert found.parse("network", found.label(each)) == [each]
    assert found.reference(own).digest != found.reference(other).digest
