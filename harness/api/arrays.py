"""Arrays that a user hands over as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike


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
