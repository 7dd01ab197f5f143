"""Suites as files, as a user writes them."""

import json


def as_toml(value):
    """Write a value as TOML, tables in braces."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)


def write_suite(file, suite):
    """Write a suite to a file; return the file."""
    file.write_text("\n".join(f"{key} = {as_toml(value)}" for key, value in suite.items()))
    return file
