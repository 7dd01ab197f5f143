"""Control variates whose coefficients bring no bias.

With controls c of known mean 0 the mean of v + c·b is that of v for every fixed b. A least-squares b from the same
points is not fixed: E[c̄·b̂] = −E[ε c²]/(n E[c²]) + …, ε the residual, which does not vanish where the residual is
curved in c. So b is taken for each fold of the points from the other folds, and is then independent of them; and the
scatter of v + c·b needs no correction for the fit.
"""

from __future__ import annotations

import torch
from torch import Tensor

FOLDS = 8


def adjusted(value: Tensor, controls: Tensor) -> tuple[Tensor, Tensor]:
    """Return v + c·b at n points, shape (n,), and the mean of b over folds, shape (k,).

    Arguments:
        value: v, shape (n,), at independent points in no particular order.
        controls: c, of mean 0, shape (n, k).
    """
    fold = torch.arange(len(value)) % FOLDS
    found, slopes = value.clone(), []
    for k in range(FOLDS):
        own = fold == k
        slopes.append(_slopes(value[~own], controls[~own]))
        found[own] += controls[own] @ slopes[-1]
    return found, torch.stack(slopes).mean(0)


def _slopes(value: Tensor, controls: Tensor) -> Tensor:
    """Coefficients b that make the variance of value + controls·b least, shape (k,)."""
    centred = controls - controls.mean(0)
    scale = centred.square().mean(0).sqrt().clamp(min=1e-300)
    # The controls may be dependent: ln p_δ of a Gaussian is a quadratic function.
    solved: Tensor = torch.linalg.lstsq(centred / scale, (value.mean() - value)[:, None], driver="gelsd").solution
    slopes: Tensor = solved[:, 0] / scale
    return slopes
