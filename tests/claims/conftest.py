"""Makes the makers of evidence importable, here and in `benchmarks/decision_rules.py`; and a run of fake claims."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def fakes():
    """All components, and the fake claims."""
    from fake_claims import FAKES, registry_with

    return registry_with(*FAKES)


@pytest.fixture(scope="session")
def finished(fakes, tmp_path_factory):
    """A directory with the quick results of the fake claims, and their outcomes."""
    from fake_claims import outcomes

    directory = tmp_path_factory.mktemp("claims")
    return directory, outcomes(fakes, directory)


@pytest.fixture(scope="session")
def board(finished):
    """The document on them."""
    from harness_claims.document import claims_board

    return claims_board(list(finished[1].values()), quick=True, command="harness claims --quick", environment={})
