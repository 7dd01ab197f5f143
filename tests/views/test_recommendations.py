"""The screen and the page of a recommendation, of a made-up one."""

import copy

import pytest

from harness.results.document import DocumentError
from harness.results.recommendation import Recommendation
from harness.views.formats import render
from harness.views.page import markdown
from harness.views.recommendation_pages import RECOMMENDATION, recommendation_page, recommendation_view
from harness.views.recommendations import cost_text, recommendation_text


def reference(name, **params):
    return {"name": name, "params": params, "distribution": "diffusion-harness", "version": "0.1.0", "digest": name}


def other(choice, standing, value, low, high):
    cost = None if value is None else {"value": value, "low": low, "high": high}
    return {"choice": choice, "standing": standing, "cost": cost, "seeds": 4, "reason": None}


DOCUMENT = {
    "schema_version": 5,
    "command": "harness recommend points.npy",
    "environment": {},
    "data": "points.npy",
    "profile": {
        "target": "file", "dim": 2, "sigma_data": 1.0, "second_moment": 2.0, "finite": True,
        "notes": ["1 of 90 training rows are copies of others", "σ_max = 4 is below 3 m₂ = 4.24: raise σ_max"],
        "train": 180, "held_out": 60, "splits": 1, "tested": 60, "pictures": None,
    },
    "sigma_min": 0.05,
    "sigma_max": 4.24,
    "reasons": ["σ_max = 4.24: 3 m₂ is 4.24; a centered start costs 0.06 nats at most"],
    "uneven": None,
    "evaluations": 12,
    "metric": "sliced-wasserstein",
    "unit": "data",
    "compared_by": "ratio",
    "margin": 0.02,
    "perfect": {"value": 0.1, "low": 0.08, "high": 0.12, "n_seeds": 4},
    "best": {
        "components": {"weighting": reference("edm"), "sampler": reference("heun"), "network": reference("mlp")},
        "steps": 6, "nfe": 12, "train_steps": 20, "sigmas": [4.24, 1.0, 0.05],
        "value": {"value": 0.13, "low": 0.12, "high": 0.14, "n_seeds": 4},
    },
    "choices": [
        {
            "axis": "weighting",
            "choice": "edm:p_mean=-0.5",
            "alternatives": [
                other("edm:p_mean=0.3,p_std=1.0", "ties", 0.5, -0.3, 1.4),
                other("min-snr", "open", 1.5, -2.0, 5.0),
                other("edm2-uncertainty:p_mean=0.3,p_std=1.0", "worse", 26.4, 9.6, 59.0),
                other("likelihood", "no value", None, None, None),
                other("eps", "worse", 80.0, 60.0, None),
                other("flow", "dropped", 8.0, -1.0, 20.0),
                other("v-cosine", "not tried", None, None, None),
            ],
        }
    ],
    "fixed": {"network": "mlp:width=8,depth=1", "target": "file:path=points.npy"},
    "runner_up": {"differs": {"sampler": "euler"}, "cost": {"value": 0.5, "low": -0.3, "high": 1.4}, "seeds": 4},
    "default": {"differs": {"sampler": "euler"}, "cost": {"value": 10.0, "low": 5.8, "high": 15.2}, "seeds": 4},
    "settled": False,
    "end": "out of time",
    "left": 3,
    "more_minutes": 300.0,
    "at_most": 12.3,
    "seeds": 4,
    "looks": 6,
    "rounds": [
        {"over": "trainings", "seeds": 2, "raced": 10, "left": 8, "cut": 0},
        {"over": "the designs left", "seeds": 4, "raced": 40, "left": 20, "cut": 17},
    ],
    "minutes": 4.96,
    "law": "the population that the rows come from, by 60 held-out rows",
    "transfer": ["trained here: mlp, 20 steps"],
    "pictures": None,
    "points": {"axes": ["x1", "x2"], "components": False, "real": [[0.0, 1.0], [1.0, 2.0]], "generated": [[0.5, 1.5]]},
}  # fmt: skip


@pytest.fixture
def found():
    return lambda **changed: Recommendation.validate({**copy.deepcopy(DOCUMENT), **changed})


def test_where_columns_need_scales_of_their_own_that_is_what_to_do(found):
    text = " ".join(recommendation_text(found(uneven=1.31e13), None).split())
    assert "What to do: give each column a scale of its own first" in text
    assert "1.3e+13 times the least of a column" in text
    assert "take this design" not in text


def test_the_screen_fits_80_columns_and_says_what_matters(found):
    text = recommendation_text(found(), None)
    assert max(map(len, text.split("\n"))) <= 80
    for words in (
        "points.npy: d = 2, σ_data 1",
        "60 held out",
        "edm:p_mean=0.3,p_std=1.0",
        "…:p_mean=0.3,p_std=1.0",
        "+0.5 % (-0.3 to 1.4)",
        "+26 % (9.6 to 59)",
        "a perfect generator",
        "The field's default (euler): costs +10 % (5.8 to 15)",
        "20 designs may be best; about 5 hours",
        "What to do: take this design; against the best of 20 designs it costs 12 % at most",
        "network mlp:width=8,depth=1",
        "May not transfer: trained here: mlp, 20 steps.",
    ):
        assert words in " ".join(text.split())
    assert "1 of 90 training rows are copies of others" in text
    assert "raise σ_max" not in text  # the range that was taken answers that note
    assert "… 3 more" in text


def test_every_standing_is_explained(found):
    text = " ".join(recommendation_text(found(), None).split())
    for standing in ("ties: within", "open: may be", "worse: its whole", "dropped: ", "no value: ", "not tried: "):
        assert standing in text
    assert "There was no time for weighting v-cosine: of them nothing is known." in text


def test_why_there_is_no_value_is_told(found):
    """One line for all that one reason explains; what there was a reason for is not told as a lack of time."""
    failed = "each training that it goes with failed: training diverged at step 3"
    alternatives = [
        {**other(name, standing, None, None, None), "reason": reason}
        for name, standing, reason in (
            ("euler", "no value", failed),
            ("lms", "no value", failed),
            ("ddim", "not tried", "out"),
        )
    ]
    choices = [{"axis": "sampler", "choice": "heun", "alternatives": alternatives}]
    text = " ".join(recommendation_text(found(choices=choices), None).split())
    assert f"No value of sampler euler, lms: {failed}." in text
    assert "No value of sampler ddim: out." in text
    assert "There was no time for" not in text
    assert render(recommendation_view(found(choices=choices)), "csv").splitlines()[1].endswith(failed)


def test_what_did_not_happen_is_not_explained(found):
    choices = [{"axis": "weighting", "choice": "eps", "alternatives": [other("edm", "open", 1.5, -2.0, 5.0)]}]
    text = " ".join(recommendation_text(found(choices=choices), None).split())
    for standing in ("dropped: ", "no value: ", "not tried: ", "There was no time for"):
        assert standing not in text


def test_a_settled_race_and_the_default_itself(found):
    default = {"differs": {}, "cost": {"value": 0.0, "low": 0.0, "high": 0.0}, "seeds": 4}
    text = recommendation_text(found(settled=True, more_minutes=None, end="one design is left", default=default), 70)
    assert "Settled after 5.0 minutes: one design is left." in text
    assert "It is the field's default." in text


def test_a_race_that_no_time_settles_ends_in_what_the_choice_may_cost(found):
    text = " ".join(
        recommendation_text(found(more_minutes=6000.0, at_most=0.0031, compared_by="difference"), None).split()
    )
    assert "to tell them apart would take over 100 hours" in text
    assert "against the best of 20 designs it costs 0.003 data at most" in text


def test_a_limit_that_says_nothing_is_not_told(found):
    """With two seeds of 160 designs limits reach 1e23 per cent: true, and of no use."""
    wide = {"differs": {"sampler": "euler"}, "cost": {"value": 8.0, "low": -98.0, "high": 5.2e23}, "seeds": 2}
    half = {"differs": {"sampler": "euler"}, "cost": {"value": 74.0, "low": -17.0, "high": 950.0}, "seeds": 2}
    text = " ".join(recommendation_text(found(at_most=5.2e23, runner_up=wide, default=half), None).split())
    assert "costs +8.0 % (not known)" in text
    assert "costs +74 % (-17 to ?)" in text
    assert "?, not known: so few seeds do not tell" in text
    assert "the best of 20 designs may be ahead of it, so few seeds do not tell" in text
    assert "at most, by limits" not in text
    assert "e+" not in text


def test_it_says_what_to_do_where_the_rows_tell_nothing(found):
    """The best is within a perfect generator's range: rows are wanted, not time."""
    perfect = {"value": 0.15, "low": 0.11, "high": 0.19, "n_seeds": 4}
    default = {"differs": {"sampler": "euler"}, "cost": {"value": 1.0, "low": -5.8, "high": 15.2}, "seeds": 4}
    text = " ".join(recommendation_text(found(perfect=perfect, default=default), None).split())
    assert "60 held-out rows hardly tell designs apart" in text
    assert "It is not shown to be better than the field's default." in text
    assert "more --minutes" not in text
    apart = {**perfect, "value": 0.1, "low": 0.08, "high": 0.11}
    clear = " ".join(recommendation_text(found(perfect=apart), None).split())
    assert "more --minutes goes on from here" in clear
    assert "not shown to be better" not in clear


def test_choices_that_are_cut_alike_stay_apart(found):
    """Long names that differ at their ends only: neither is cut there."""
    long = "mlp:" + ",".join(f"parameter{i}=1" for i in range(6))
    names = [f"{long},width={width}" for width in (64, 128)]
    choices = [
        {"axis": "network", "choice": names[0], "alternatives": [other(names[1], "open", 1.0, -1.0, 2.0)]},
    ]  # fmt: skip
    lines = recommendation_text(found(choices=choices), None).split("\n")
    assert max(map(len, lines)) <= 80
    assert sum("width=64" in line for line in lines) == sum("width=128" in line for line in lines) == 1


def test_a_document_of_version_1_does_not_tell_what_the_choice_may_cost():
    lacks = ("at_most", "points", "fixed")
    older = {key: value for key, value in DOCUMENT.items() if key not in lacks} | {"schema_version": 1}
    read = Recommendation.validate(copy.deepcopy(older))
    assert read.at_most is None
    assert read.points is None
    assert read.fixed == {"sampler": "heun", "network": "mlp"}
    assert "at most, by limits" not in recommendation_text(read, None)


def test_a_document_of_version_3_called_worse_what_was_dropped(found):
    standings = {"min-snr": "worse", "flow": "worse", "eps": "worse"}
    older = copy.deepcopy(DOCUMENT) | {"schema_version": 3}
    others = [each for each in older["choices"][0]["alternatives"] if each["standing"] != "not tried"]
    older["choices"][0]["alternatives"] = [
        each | {"standing": standings.get(each["choice"], each["standing"])} for each in others
    ]
    read = {each.choice: each.standing for each in Recommendation.validate(older).choices[0].alternatives}
    assert [read[name] for name in ("min-snr", "flow", "eps", "likelihood")] == [
        "dropped",
        "dropped",
        "worse",
        "not tried",
    ]


def test_a_document_of_version_4_tells_no_reasons():
    older = copy.deepcopy(DOCUMENT) | {"schema_version": 4}
    for each in older["choices"][0]["alternatives"]:
        del each["reason"]
    read = Recommendation.validate(older)
    assert read == Recommendation.validate(copy.deepcopy(DOCUMENT))
    assert read.not_tried == [("weighting", "v-cosine")]


def test_costs_of_a_metric_compared_by_differences_have_its_unit(found):
    made = found(compared_by="difference", unit="nats")
    assert cost_text(made.default.cost, made) == "+10 nats (5.8 to 15)"


def test_every_alternative_stands_on_the_page_and_in_the_table(found):
    made = found()
    page = markdown(recommendation_page(made, made.command, ()))
    rows = render(recommendation_view(made), "csv").splitlines()
    assert len(rows) == 8
    for each in made.choices[0].alternatives:
        assert each.choice in page
        assert any(each.choice in row for row in rows)
    assert "# What to use on points.npy" in page
    assert "no value" in page


def test_published_files_hold_the_document(found, tmp_path):
    made = found()
    files = RECOMMENDATION.write(made, tmp_path / "page", made.command)
    assert {file.name for file in files} == {"README.md", "recommendation.json", "samples.svg"}
    assert Recommendation.read(tmp_path / "page" / "recommendation.json") == made


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sigma_min": 5.0}, "sigma_min 5 is not below sigma_max 4.24"),
        ({"settled": True}, "more_minutes"),
        ({"compared_by": "nothing"}, "compares nothing"),
        ({"default": {"differs": {}, "cost": {"value": 1.0, "low": 2.0, "high": 3.0}, "seeds": 1}}, "default.cost"),
    ],
)
def test_a_document_agrees_with_itself(found, changed, message):
    with pytest.raises(DocumentError, match=message):
        found(**changed)
