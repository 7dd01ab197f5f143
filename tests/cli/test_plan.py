"""`harness plan`: what it says of small amounts of work."""

import json
import re

import numpy
import pytest
from click.testing import CliRunner

from harness.cli import group

PLAN = [
    *("plan", "--guess", "--target", "ring", "--weighting", "edm", "--noise-schedule", "edm", "--steps", "4"),
    *("--time-discretization", "polynomial", "--sampler", "heun", "--train-steps", "1", "--samples", "4"),
]


def shown(*words):
    found = CliRunner().invoke(group, [*PLAN, *words]).output.split("\n")
    return {line.split("  ")[0]: line.split("  ")[-1].strip() for line in found if "  " in line}


def test_one_is_no_plural():
    one = shown("--network", "mlp:width=8,depth=1", "--seeds", "1", "--workers", "1")
    assert one["networks to train"] == "1, in 1 stack, for 1 sampling"
    assert re.fullmatch(r"about (under )?\d+ s on 1 worker \(nothing was measured\)", one["time"])
    several = shown("--network", "mlp:width=8,depth=1,2", "--seeds", "2", "--workers", "2")
    assert several["networks to train"] == "4, in 2 stacks, for 4 samplings"
    assert " s on 2 workers (" in several["time"]


def test_a_time_that_is_mostly_guessed_is_none(monkeypatch, tmp_path):
    """Trials that find no time leave guesses, and what a network takes no guess knows."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    reason = "3 of 3 kinds of work stay guessed: trials end after 90 s together"
    monkeypatch.setattr("harness.cli.plan._measured", lambda plan: reason)
    words = [word for word in PLAN if word != "--guess"] + ["--network", "mlp:width=8,depth=1", "--workers", "1"]
    output = " ".join(CliRunner().invoke(group, words).output.split())
    assert f"time unknown: {reason} memory" in output
    content = json.loads(CliRunner().invoke(group, [*words, "--format", "json"]).output)
    assert (content["time_known"], content["guessed"]) == (False, reason)
    assert content["tried_seconds"] < content["seconds"]


@pytest.mark.parametrize("network", ["unet:channels=4", "dit", "mlp:width=2048"])
def test_no_time_is_guessed_of_a_network_that_guesses_do_not_know(monkeypatch, tmp_path, network):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    words = ("--target", "digits", "--workers", "2", "--seeds", "1")
    time = shown(*words, "--network", network)["time"]
    assert time.startswith("unknown: nothing was measured, and guesses are of small networks; leave --guess out")
    assert shown(*words, "--network", "mlp")["time"].startswith("about ")


def test_splits_of_seeds_are_told_where_there_are_any(tmp_path):
    numpy.save(tmp_path / "few.npy", numpy.random.default_rng(0).normal(size=(40, 2)))
    few, small = f"file:path={tmp_path / 'few.npy'}", ("--network", "mlp:width=8,depth=1", "--seeds", "3")
    assert "splits" not in shown(*small)
    assert shown("--target", few, *small)["splits"].startswith("for each seed of file:path=")
    words = ["plan", "--guess", "--target", few, *PLAN[4:], *small]
    output = CliRunner().invoke(group, words).output
    assert re.search(r"splits +3 +a seed has a split of its own", output)
    assert re.search(r"networks to train +3, in 3 stacks, for 3 samplings", output)
