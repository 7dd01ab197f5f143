"""Arrays that a user hands over as data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.blobs import digest_of
from harness.errors import HarnessError
from harness.whole_files import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

FILE = "file"
"""The target that reads a file of data."""


def points_array(data: ArrayLike) -> np.ndarray:
    """Return data as an array of real numbers, one point a row; what is in it is for its reader to check.

    Raises:
        HarnessError: it is none.
    """
    import numpy as np

    try:
        array = np.ascontiguousarray(data)
    except (ValueError, TypeError) as error:
        raise HarnessError(f"data is no array: {' '.join(str(error).split())}"[:300]) from error
    if array.dtype.kind not in "fiu" or array.ndim < 2:
        given = f"an array of shape {array.shape} of {array.dtype}"
        raise HarnessError(f"data is {given}; give real numbers of shape (rows, columns), or images")
    return array


def array_name(data: ArrayLike) -> str:
    """Return a name for an array that its content makes.

    Raises:
        HarnessError: it is no array of numbers.
    """
    return f"array-{digest_of(_saved(data))[:8]}"


def _saved(data: ArrayLike) -> bytes:
    """Return an array as a file holds it; raises as `points_array`."""
    import io

    import numpy as np

    content = io.BytesIO()
    np.save(content, points_array(data), allow_pickle=False)
    return content.getvalue()


def data_file(data: ArrayLike | Path | str, directory: Path) -> Path:
    """Return the file of data; an array is written into a directory, under a name that its content makes.

    Raises:
        HarnessError: it is no array of numbers, or cannot be written.
    """
    if isinstance(data, (str, Path)):
        return Path(data)
    content = _saved(data)
    path = directory.absolute() / f"data-{digest_of(content)[:16]}.npy"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not path.is_file():
            write_whole(path, content)
    except OSError as error:
        raise HarnessError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
