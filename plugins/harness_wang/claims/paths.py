"""The descents that claims 1 to 5 look at, and how they are seen target by target.

Every descent is the paper's: full-batch gradient descent on a fixed objective, a deep ReLU network with frozen outer
matrices, EDM's weighting, the harness's usual range of levels, and a step size half as large as the curvature at the
start allows. A seed draws points, noise and network; networks of one seed share points and noise. Claims name what they
need, and share what is alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from harness.claims import ClaimError, Descent, DescentRequest, Evidence, Series

if TYPE_CHECKING:
    import numpy as np

    from harness.trajectories import Trajectory

TARGETS = ("gaussian:dim=2", "ring", "digits")
"""A Gaussian, a mixture, real data."""

WIDTH, DEPTH = 64, 2
"""The network that most runs share."""

FIRST, SEEDS = 100, 40
"""The first seed, and the number of the shared runs. Rules were tried out on other seeds before they were fixed."""


def network(width: int = WIDTH, depth: int = DEPTH) -> str:
    """Return a deep ReLU network as a suite writes it."""
    return f"relu:width={width},depth={depth}"


def settings(quick: bool, *, points: int = 16, levels: int = 8, probed: bool = False) -> Descent:
    """Return how long and on what descents run; about 100 steps of each are recorded."""
    steps = 300 if quick else 1500
    return Descent(
        points=points,
        levels=levels,
        steps=steps,
        record=steps // 100,
        probes=6 if probed else 0,
        radii=(1e-3, 1e-2, 1e-1),
        directions=3,
        precision="float32",
    )


def request(target: str, net: str, seeds: int, how: Descent) -> DescentRequest:
    """Return one request, of so many seeds from `FIRST` on."""
    return DescentRequest(target, net, "edm", tuple(range(FIRST, FIRST + seeds)), how)


def shared(quick: bool) -> dict[str, DescentRequest]:
    """Return the runs that claims 1, 2, 3 and 5 share: one request a target."""
    how = settings(quick, probed=True)
    return {f"base {target}": request(target, network(), SEEDS, how) for target in TARGETS}


def of(evidence: Evidence, prefix: str) -> dict[str, list[Trajectory]]:
    """Return the runs whose name begins with a word, by the target's label.

    Raises:
        ClaimError: there is none, or an objective changed on the way, so that its runs are no gradient descent on it.
    """
    found: dict[str, list[Trajectory]] = {}
    for name, runs in evidence.trajectories.items():
        if name.split(" ")[0] == prefix:
            for run in runs:
                if not run.fixed:
                    raise ClaimError(f"{name}, seed {run.seed}: the objective changed on the way")
                found.setdefault(run.target, []).append(run)
    if not found:
        raise ClaimError(f"no descent is named {prefix!r}")
    return found


def log_loss(run: Trajectory) -> np.ndarray:
    """Return ln L at the recorded steps, shape (K,).

    Raises:
        ClaimError: a loss is 0.
    """
    import numpy as np

    if not (run.loss > 0).all():
        raise ClaimError(f"{run.target}, seed {run.seed}: the loss is 0, so that its logarithm says nothing")
    return np.asarray(np.log(run.loss))


def slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return the least-squares slope of y in x and the squares that the line leaves.

    Raises:
        ClaimError: all x are equal.
    """
    centred, other = x - x.mean(), y - y.mean()
    squares = float(centred @ centred)
    if squares == 0:
        raise ClaimError("a line needs points at different places")
    value = float(centred @ other) / squares
    left = other - value * centred
    return value, float(left @ left)


def median_line(label: str, x: Sequence[float] | np.ndarray, rows: np.ndarray) -> Series:
    """Return the median over seeds, and the quartiles, of curves of shape (S, K) over x of shape (K,)."""
    import numpy as np

    low, middle, high = np.nanquantile(rows, [0.25, 0.5, 0.75], axis=0)
    return Series(label, [float(v) for v in x], middle.tolist(), low.tolist(), high.tolist())


def power(x: Mapping[float, Sequence[float]]) -> str:
    """Return how a positive quantity depends on a size, as an exponent with its 95 % limits over seeds.

    Arguments:
        x: by the size, the values of the seeds that all sizes share, in one order.
    """
    import numpy as np

    from harness.statistics import t_interval

    sizes = sorted(x)
    at = np.log(sizes)
    shared_seeds = min(len(x[size]) for size in sizes)
    slopes = [slope(at, np.log([x[size][s] for size in sizes]))[0] for s in range(shared_seeds)]
    found = t_interval(slopes)
    if found.low is None or found.high is None or not math.isfinite(found.low):
        return f"{found.value:.2g}"
    return f"{found.value:.2g} ({found.low:.2g}–{found.high:.2g})"
