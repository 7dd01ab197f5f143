"""Suites: what to compare, as a model, its combinations, and the files that ship."""
