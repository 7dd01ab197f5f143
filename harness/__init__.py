"""The design space of diffusion models, measured.

A user calls `harness.run`, `rank`, `recommend` and `grid` (docs/python.md). A plugin author imports `hookimpl` from
here and the contract of an axis from the module of its name (`harness.weightings`, `harness.samplers`, …).
"""

from typing import TYPE_CHECKING, Any

from harness import arithmetic

if TYPE_CHECKING:
    import pluggy

    from harness.api.boards import Board, RankedDesign, rank
    from harness.api.grids import BestGrids, grid
    from harness.api.recommendations import Recommended, recommend
    from harness.api.runs import run

    hookimpl: pluggy.HookimplMarker

__version__ = "0.1.0"

DISTRIBUTION = "diffusion-harness"
"""The name under which it is installed."""

# Here, since it must be said before anything computes: in a worker, a test, a benchmark, somebody's script.
arithmetic.fix()

__all__ = [
    "DISTRIBUTION",
    "BestGrids",
    "Board",
    "RankedDesign",
    "Recommended",
    "__version__",
    "grid",
    "hookimpl",
    "rank",
    "recommend",
    "run",
]


def __getattr__(name: str) -> Any:
    """Return what is imported when it is first asked for: nothing waits for pluggy, or for what a run takes."""
    modules = {
        "BestGrids": "grids",
        "Board": "boards",
        "RankedDesign": "boards",
        "grid": "grids",
        "Recommended": "recommendations",
        "rank": "boards",
        "recommend": "recommendations",
        "run": "runs",
    }
    if name in modules:
        from importlib import import_module

        globals()[name] = getattr(import_module(f"harness.api.{modules[name]}"), name)
    elif name == "hookimpl":
        import pluggy

        globals()[name] = pluggy.HookimplMarker("harness")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
