"""The design space of diffusion models, measured.

A plugin author imports `hookimpl` from here and the contract of an axis from the module of its name
(`harness.weightings`, `harness.samplers`, …).
"""

from typing import TYPE_CHECKING, Any

from harness import arithmetic

if TYPE_CHECKING:
    import pluggy

    hookimpl: pluggy.HookimplMarker

__version__ = "0.1.0"

DISTRIBUTION = "diffusion-harness"
"""The name under which it is installed."""

# Here, since it must be said before anything computes: in a worker, a test, a benchmark, somebody's script.
arithmetic.fix()

__all__ = ["DISTRIBUTION", "__version__", "hookimpl"]


def __getattr__(name: str) -> Any:
    """Make `hookimpl` when it is first asked for: `harness --help` need not wait for pluggy."""
    if name != "hookimpl":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pluggy

    globals()[name] = pluggy.HookimplMarker("harness")
    return globals()[name]
