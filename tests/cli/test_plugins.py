"""`harness plugins`: what is installed, as a table and as JSON."""

import json
import re

import pytest
from shell import assert_one_line, harness

from harness import __version__
from harness.cli import group


def test_plugins_as_a_table_and_as_json():
    content = json.loads(harness("plugins", "--format", "json").stdout)
    assert content["schema_version"] == 1
    assert content["problems"] == []
    karras = next(p for p in content["plugins"] if p["entry_point"] == "karras")
    assert karras["distribution"] == "diffusion-harness"
    assert karras["status"] == "ok"
    assert "heun" in karras["components"]["sampler"]
    table = harness("plugins").stdout
    for plugin in content["plugins"]:
        assert re.search(rf"^{plugin['entry_point']} +diffusion-harness +{__version__} +ok", table, re.M)


def test_left_out_plugins_say_so():
    table = harness("plugins", HARNESS_PLUGINS="song").stdout
    assert re.search(r"^karras .* off +left out by HARNESS_PLUGINS", table, re.M)
    assert re.search(r"^song .* ok ", table, re.M)
    assert_one_line(harness("plugins", HARNESS_PLUGINS="sing"), "no plugin 'sing' is installed; did you mean song")


@pytest.mark.parametrize("width", [60, 140])
def test_the_list_of_plugins_fits_the_terminal(monkeypatch, width):
    from click.testing import CliRunner

    monkeypatch.setattr("harness.views.terminal.terminal_width", lambda: width)
    lines = CliRunner().invoke(group, ["plugins"]).output.splitlines()
    longest = max(map(len, lines))
    # What a plugin offers never gets less than 26 columns.
    assert longest <= max(width, 90)
    assert width == 60 or longest > 120
