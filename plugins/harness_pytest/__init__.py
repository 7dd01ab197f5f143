"""Certificates as tests: a plugin of pytest, for repositories of packages that offer components.

    pytest --certify harness-ralston            # or, in pyproject.toml: harness_certify = ["harness-ralston"]

Each component of the distribution is measured as `harness certify` measures it, and each property is a test: it fails
where the property does not hold, and is skipped, with the reason, where nothing is claimed. A component that cannot be
imported fails, and so does one of which nothing is measured.

Every run of pytest imports this module, wherever the harness is installed: it imports nothing of it, nor of torch. It
stands apart from the package `harness`, whose import sets how numerical libraries compute.
"""

from __future__ import annotations

import pytest

OPTION, SETTING, MARKER = "--certify", "harness_certify", "certificate"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option, and the setting that stands for it."""
    group = parser.getgroup("diffusion-harness", "certificates of components")
    what = "what harness certify takes: distributions, components, files"
    group.addoption(OPTION, action="append", default=[], metavar="DISTRIBUTION", help=f"a test a property, of {what}")
    parser.addini(SETTING, f"{what}; each property is a test, unless single tests are named", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", f"{MARKER}: a property of a component, measured by diffusion-harness")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is certified, and what is left out."""
    words = certified(config)
    missed = [word for word in config.getini(SETTING) if word not in words]
    found = [f"certificates: {', '.join(words)}"] if words else []
    rule = f"{OPTION} has them"
    return found + ([f"certificates left out, since tests are named ({rule}): {', '.join(missed)}"] if missed else [])


def certified(config: pytest.Config) -> list[str]:
    """Return what is to be certified, each once; the setting counts where no single file or test is named."""
    asked: list[str] = config.getoption(OPTION)
    set_up: list[str] = config.getini(SETTING)
    named = any("::" in arg or arg.endswith(".py") for arg in config.args)
    return list(dict.fromkeys(asked if named else [*asked, *set_up]))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Measure what is to be certified, and add a test for each property.

    Raises:
        UsageError: a word means nothing; one line says what would be right.
    """
    for word in certified(config):
        from harness_pytest.properties import certificates

        items += certificates(session, word)
