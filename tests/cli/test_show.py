"""`harness show`: a component explained, at any width."""

import json
import re

import pytest
from shell import called

from harness.cli import main


@pytest.mark.parametrize(
    "words",
    [
        ("show", "moment-matched"),
        ("show", "mlp"),
        ("show", "theorem-3"),
        ("plan", "quick", "--guess"),
        ("plan", "full", "--guess", "--seeds", "1", "--target", "ring"),
    ],
)
def test_pages_fit_a_terminal(words, monkeypatch, capsys):
    monkeypatch.setattr("harness.views.terminal.terminal_width", lambda: 80)
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert not ended.value.code
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_show_explains_a_component():
    text = called("show", "polynomial").stdout
    assert re.search(r"^time discretization polynomial$", text, re.M)
    assert re.search(r"^rho +number +7\.0 +≥ 0\.1", text, re.M)
    assert "2206.00364" in text
    [page] = json.loads(called("show", "polynomial", "--format", "json").stdout)["components"]
    assert page["axis"] == "time_discretization"
    rho = next(p for p in page["parameters"] if p["name"] == "rho")
    assert (rho["type"], rho["default"], rho["required"]) == ("number", 7.0, False)
    declared = page["schema"]["properties"]["rho"]
    assert rho["constraints"] == f"≥ {declared['minimum']:g}, ≤ {declared['maximum']:g}"
    assert re.fullmatch("[0-9a-f]{64}", page["source_digest"])


def test_show_gives_every_axis_of_a_name():
    def axes(*args):
        pages = json.loads(called("show", *args, "--format", "json").stdout)["components"]
        return [page["axis"] for page in pages]

    assert axes("edm") == axes("diffusion-harness/edm") == ["weighting", "noise_schedule", "preconditioning"]
    assert axes("weighting/edm") == axes("edm", "--axis", "weighting") == ["weighting"]
    assert axes("noise-schedule/edm") == ["noise_schedule"]
