"""Testing: one component on one target, in memory, for the tests of whoever writes a plugin (docs/plugins.md)."""

from harness.testing.one_row import ComponentFailed, run_one

__all__ = ["ComponentFailed", "run_one"]
