"""A plugin whose hook has another name."""

from harness import hookimpl


@hookimpl
def harness_weighting():
    """Misspell `harness_weightings`."""
    return []
