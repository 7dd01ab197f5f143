"""Hiding files: a stray `numpy.py` in the working directory or on PYTHONPATH is imported in place of the library."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

LIBRARIES = ("jinja2", "numpy", "PIL", "pluggy", "pydantic", "safetensors", "scipy", "sklearn", "tabulate", "torch")
"""What is imported beside Python's own modules."""


def hiding_file(error: BaseException) -> str | None:
    """Return which file has to do with an error and hides which module, and what to do; None where none does.

    Only what stands on the path before Python's own modules hides them: the working directory, and PYTHONPATH.
    """
    own = os.path.dirname(os.__file__)
    folders = sys.path[: sys.path.index(own)] if own in sys.path else []
    involved = {os.path.realpath(file) for file in _involved(error)}
    for name in (*LIBRARIES, *sorted(sys.stdlib_module_names)):
        for file in (os.path.join(folder, f"{name}.py") for folder in folders):
            if os.path.realpath(file) in involved:
                what = f"the library {name}" if name in LIBRARIES else f"Python's own module {name}"
                return f"{file} hides {what}: remove or rename it"
    return None


def _involved(error: BaseException) -> Iterator[str]:
    """Yield the files of all modules that are imported, and those on the way to an error."""
    yield from (file for each in list(sys.modules.values()) if isinstance(file := getattr(each, "__file__", None), str))
    if isinstance(error, SyntaxError) and error.filename is not None:
        yield error.filename
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename
        trace = trace.tb_next
