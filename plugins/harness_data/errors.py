"""Errors: what is wrong with a user's data."""

from __future__ import annotations

from harness.errors import HarnessError


class DataError(HarnessError):
    """A user's data cannot be used."""
