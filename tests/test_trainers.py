"""Trainers and recordings as values: what they refuse, and what of them counts."""

import pytest

from harness.errors import HarnessError
from harness.trainers import Adam, GradientDescent, Recording, TrajectoryRequest


def request(trainer, recording, steps=5):
    return TrajectoryRequest("ring", "mlp", "edm", (0,), steps, trainer, recording)


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (lambda: GradientDescent(points=0), "gradient descent: points = 0 is below 1"),
        (lambda: GradientDescent(levels=1), "gradient descent: levels = 1 is below 2"),
        (lambda: GradientDescent(learning_rate=-1.0), "gradient descent: learning_rate = -1 is not positive"),
        (lambda: Adam(learning_rate=float("inf")), "adam: learning_rate = inf is not positive"),
        (lambda: Adam(batch_size=0), "adam: batch_size = 0 is below 1"),
        (lambda: Adam(ema_decay=1.0), r"adam: ema_decay = 1 is not in \[0, 1\)"),
        (lambda: Adam(ema_decay=(0.9, -0.5)), r"adam: ema_decay = -0.5 is not in \[0, 1\)"),
        (lambda: Adam(ema_decay=(0.9, float("nan"))), r"adam: ema_decay = nan is not in \[0, 1\)"),
        (lambda: Adam(ema_decay=(0.9, 0.9)), r"adam: ema_decay = \[0.9, 0.9\] should list decays, each once"),
        (lambda: Adam(ema_decay=()), r"adam: ema_decay = \[\] should list decays, each once"),
        (lambda: request(Adam(ema_decay=(0.9, 0.5)), Recording()), "a trajectory is of a training with one ema_decay"),
        (lambda: Adam(warmup_steps=0), "adam: warmup_steps = 0 is below 1"),
        (lambda: Adam(decay_steps=-1), "adam: decay_steps = -1 is below 1"),
        (lambda: Adam(clip_norm=0.0), "adam: clip_norm = 0 is not positive"),
        (lambda: Adam(clip_norm=float("nan")), "adam: clip_norm = nan is not positive"),
        (lambda: Adam(microbatch=16), "adam: microbatch = 16 is below 32"),
        (lambda: Adam(microbatch=48), "adam: microbatch = 48 is no multiple of 32"),
        (lambda: Adam(augmentation="turn"), "adam: augmentation = 'turn' is not known; it should be 'flip'"),
        (lambda: Adam(autocast="float16"), "adam: autocast = 'float16' is not known; it should be 'bfloat16'"),
        (lambda: Adam(autocast="bfloat16", precision="float64"), "is for precision float32; this is float64"),
        (lambda: request(Adam(decay_steps=9), Recording()), "adam: a trajectory is of a constant rate"),
        (lambda: Adam(sigma_min=30.0), "trainer: sigma_min = 30, sigma_max = 20 is no range"),
        (lambda: Recording(every=0), "recording: every = 0 is below 1"),
        (lambda: Recording(radii=(0.0,)), "must be positive"),
        (lambda: request(Adam(), Recording(probes=2)), "adam: probes are for gradient descent"),
        (lambda: request(Adam(), Recording(), steps=0), "training: steps = 0 is below 1"),
    ],
)
def test_numbers_that_cannot_be_are_told(made, rule):
    with pytest.raises(HarnessError, match=rule):
        made()


def test_settings_are_all_that_a_network_depends_on():
    settings = {"sigma_min": 0.05, "sigma_max": 20.0, "batch_size": 256, "learning_rate": 1e-3, "ema_decay": 0.999}
    place = {"device": "cpu", "precision": "float32"}
    assert Adam().settings() == {"method": "adam", **place, **settings}
    assert GradientDescent().settings()["learning_rate"] == "auto"
    # What is off is no part of it: what was trained before there was such a setting keeps its key.
    assert Adam(clip_norm=2.0).settings() == {**Adam().settings(), "clip_norm": 2.0}


def test_each_of_several_averages_has_the_settings_that_it_has_alone():
    several = Adam(ema_decay=(0.9, 0.5), batch_size=7)
    assert several.ema_decays == (0.9, 0.5)
    assert [several.averaging(decay) for decay in several.ema_decays] == [
        Adam(ema_decay=decay, batch_size=7) for decay in (0.9, 0.5)
    ]
    assert Adam().ema_decays == (0.999,)
    assert Adam().averaging(0.999).settings() == Adam().settings()
    assert GradientDescent().ema_decays == ()
    assert GradientDescent().averaging(None) == GradientDescent()


def test_a_suite_says_all_but_the_method_and_what_is_fixed():
    # In the order in which documents have them.
    assert list(Adam().chosen()) == ["learning_rate", "batch_size", "ema_decay"]
    assert list(GradientDescent().chosen()) == ["learning_rate", "points", "levels"]


def test_the_first_and_the_last_step_are_recorded():
    assert Recording(every=5).steps(7) == [0, 5, 7]
    assert Recording().steps(1000) == list(range(0, 1001, 20))
    assert Recording().steps(3) == [0, 1, 2, 3]


def test_of_a_recording_counts_what_the_training_has():
    one, other = Recording(every=2, cells=4), Recording(every=2, cells=9)
    assert GradientDescent().recorded(one, 10) == GradientDescent().recorded(other, 10)
    assert Adam().recorded(one, 10) != Adam().recorded(other, 10)
