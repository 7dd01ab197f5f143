"""The made-up leaderboard, and records in memory."""

import pytest
from documents import document, make, small

from harness.records import Record

__all__ = ["document", "make", "small"]


class Shelf:
    """Records in memory, read as a store is; it counts how often each was asked for."""

    def __init__(self, *records):
        self.records = {record.key: record for record in records}
        self.asked = []

    def get(self, keys):
        self.asked += keys
        return {key: self.records[key] for key in keys if key in self.records}

    def fail(self, key, reason):
        self.records[key] = Record(key, "unit", reason=reason)


@pytest.fixture
def shelve():
    """Put records on a shelf of their own."""
    return Shelf
