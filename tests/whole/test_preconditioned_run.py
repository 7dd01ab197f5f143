"""Preconditionings and a learned weighting, chosen on the command line and taken through a whole run."""

import json

from shell import called as harness


def test_a_command_line_crosses_a_backbone_with_preconditionings_and_a_learned_weighting(tmp_path):
    networks = ["mlp:width=8,depth=1,precondition=v", 'mlp:width=8,depth=1,precondition="vp:scale=null"']
    chosen = {"--target": ["gaussian:dim=2"], "--noise-schedule": ["edm"], "--time-discretization": ["polynomial"]}
    chosen |= {"--sampler": ["heun"], "--weighting": ["edm2-uncertainty", "bell-shaped"], "--network": networks}
    words = [word for option, values in chosen.items() for value in values for word in (option, value)]
    numbers = ["--train-steps", "60", "--seeds", "1", "--samples", "50", "--steps", "4", "--batch-size", "16"]
    done = harness("run", "quick", *words, *numbers, "--workers", "1", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    rows = json.loads(harness("rank", str(tmp_path / "out"), "--format", "json").stdout)["rows"]
    # After so few steps a network may leave the scale of the data; none has failed.
    assert {row["status"] for row in rows} <= {"ok", "diverged"}
    assert all(row["metrics"] for row in rows)
    found = {(row["network"]["params"]["precondition"], row["weighting"]["name"]) for row in rows}
    assert found == {(p, w) for p in ("v", "vp:scale=null") for w in ("edm2-uncertainty", "bell-shaped")}
