"""The design space of diffusion models, measured.

A plugin author imports `hookimpl` from here and the contract of an axis from the module of its name
(`harness.weightings`, `harness.samplers`, …).
"""

import pluggy

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("harness")

__all__ = ["__version__", "hookimpl"]
