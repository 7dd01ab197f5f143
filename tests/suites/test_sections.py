"""The sections of a suite: that of the training follows from the fields of each trainer."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field, ValidationError

from harness.suites.model import Suite, SuiteError, load_suite
from harness.suites.sections import TRAININGS, Noise, section_of
from harness.trainers import TRAINERS, Adam, GradientDescent, Trainer


@dataclass(frozen=True, kw_only=True)
class Momentum(Trainer):
    """A third trainer: nothing else is said of it anywhere."""

    method: ClassVar[str] = "momentum"
    stacked: ClassVar[bool] = True
    recording: ClassVar[None] = None

    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    beta: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.9

    @property
    def step_points(self):
        return 7

    def seconds(self, steps, networks):
        return 0.0

    def recorded(self, recording, length):
        return {}


@pytest.mark.parametrize("method", TRAINERS)
def test_a_section_has_the_defaults_of_its_trainer(method):
    made = TRAININGS[method]()
    assert made.method == method
    assert made.trainer(Noise(sigma_min=0.1, sigma_max=3.0)) == TRAINERS[method](sigma_min=0.1, sigma_max=3.0)


def test_a_section_sets_every_setting_but_those_that_are_fixed():
    given = TRAININGS["adam"](batch_size=7, learning_rate=0.1, ema_decay=0.5)
    assert given.trainer(Noise()) == Adam(batch_size=7, learning_rate=0.1, ema_decay=0.5)
    given = TRAININGS["gradient-descent"](points=7, levels=3, learning_rate=0.1)
    assert given.trainer(Noise()) == GradientDescent(points=7, levels=3, learning_rate=0.1)
    assert not {"sigma_min", "sigma_max", "precision"} & set(TRAININGS["gradient-descent"].model_fields)


def test_a_third_trainer_has_a_section_of_its_fields():
    section = section_of(Momentum)
    assert list(section.model_fields) == ["steps", "method", "learning_rate", "beta"]
    assert section(beta=0.5).trainer(Noise()) == Momentum(beta=0.5)
    assert section(learning_rate=2.0).trainer(Noise()) == Momentum(learning_rate=2.0)
    with pytest.raises(ValidationError, match="less than 1"):
        section(beta=1.0)


def test_what_stands_for_a_setting_that_is_not_given_cannot_be_written():
    section = TRAININGS["gradient-descent"]
    assert section().model_dump() == {"steps": (1000,), "method": "gradient-descent", "points": 32, "levels": 16}
    assert section(learning_rate=0.5).model_dump()["learning_rate"] == 0.5
    with pytest.raises(ValidationError, match="valid number"):
        section(learning_rate="auto")


def test_what_is_off_is_written_nowhere_and_what_is_on_is():
    section = TRAININGS["adam"]
    assert list(section().model_dump()) == ["steps", "method", "learning_rate", "batch_size", "ema_decay"]
    assert section(augmentation="flip").model_dump()["augmentation"] == "flip"
    assert section(augmentation="flip").trainer(Noise()) == Adam(augmentation="flip")


QUICK = load_suite("quick").model_dump(exclude_unset=True)


@pytest.mark.parametrize(("given", "kept"), [(0.9, 0.9), ([0.9], 0.9), ([0.9, 0], [0.9, 0.0]), (0, 0.0)])
def test_moving_averages_are_one_decay_or_a_list(given, kept):
    section = TRAININGS["adam"](ema_decay=given)
    assert section.model_dump(mode="json")["ema_decay"] == kept
    assert TRAININGS["adam"](**section.model_dump()) == section
    trainer = section.trainer(Noise())
    assert trainer.chosen()["ema_decay"] == kept
    assert list(trainer.ema_decays) == (kept if isinstance(kept, list) else [kept])


@pytest.mark.parametrize(
    ("training", "line"),
    [
        (3, "training: 3 is not valid; it should be a table"),
        ({"method": "newton"}, "training.method: 'newton' is not valid; it should be 'adam' or 'gradient-descent'"),
        ({"method": ["adam"]}, "training.method: ['adam'] is not valid; it should be 'adam' or 'gradient-descent'"),
        ({"points": 3}, 'training: points is for method = "gradient-descent"; this is "adam"'),
        (
            {"method": "gradient-descent", "batch_size": 3},
            'training: batch_size is for method = "adam"; this is "gradient-descent"',
        ),
        ({"batch_siz": 3}, "training.batch_siz: unknown key; did you mean batch_size?"),
        ({"batch_size": 2.0}, "training.batch_size: 2.0 is not valid; it should be a valid integer"),
        ({"warmup_steps": 0}, "training.warmup_steps: 0 is not valid; it should be greater than or equal to 1"),
        ({"decay_steps": 1.5}, "training.decay_steps: 1.5 is not valid; it should be a valid integer"),
        ({"clip_norm": 0}, "training.clip_norm: 0 is not valid; it should be greater than 0"),
        ({"microbatch": 33}, "training.microbatch: 33 is not valid; it should be a multiple of 32"),
        ({"augmentation": "turn"}, "training.augmentation: 'turn' is not valid; it should be 'flip'"),
        ({"autocast": "float16"}, "training.autocast: 'float16' is not valid; it should be 'bfloat16'"),
        ({"ema_decay": 1}, "training.ema_decay: 1 is not valid; it should be less than 1"),
        ({"ema_decay": -0.1}, "training.ema_decay: -0.1 is not valid; it should be greater than or equal to 0"),
        ({"ema_decay": "0.9"}, "training.ema_decay: '0.9' is not valid; it should be a valid number"),
        ({"ema_decay": [0.9, 1.0]}, "training.ema_decay[1]: 1.0 is not valid; it should be less than 1"),
        ({"ema_decay": [0.9, float("nan")]}, "training.ema_decay[1]: nan is not valid; it should be less than 1"),
        ({"ema_decay": [0.9, 0, 0.9]}, "training.ema_decay: 0.9 is listed twice"),
        ({"ema_decay": []}, "training.ema_decay: is empty; it should list at least one value"),
        (
            {"method": "gradient-descent", "ema_decay": [0.9, 0.5]},
            'training: ema_decay is for method = "adam"; this is "gradient-descent"',
        ),
        ({"learning_rate": 0}, "training.learning_rate: 0 is not valid; it should be greater than 0"),
        (
            {"method": "gradient-descent", "learning_rate": "auto"},
            "training.learning_rate: 'auto' is not valid; it should be a valid number",
        ),
        ({"method": "gradient-descent", "levels": 1}, "training.levels: 1 is not valid; it should be greater than or"),
        ({"steps": [5, 5]}, "training.steps: 5 is listed twice"),
        ({"steps": 5}, "training.steps: 5 is not valid; it should be a list"),
        ({"precision": "float32"}, "training.precision: unknown key; known: "),
        ({"sigma_min": 0.1}, "training.sigma_min: unknown key; known: "),
    ],
)
def test_a_mistake_names_the_key_and_the_rule(training, line):
    with pytest.raises(SuiteError) as raised:
        Suite.from_mapping(QUICK | {"training": training}, "mine.toml")
    assert str(raised.value).startswith(f"mine.toml: {line}")
