"""Control variates whose coefficients bring no bias, and the error of what is averaged.

With controls c of known mean 0 the mean of v + c·b is that of v for every fixed b. A least-squares b from the same
points is not fixed: E[c̄·b̂] = −E[ε c²]/(n E[c²]) + …, ε the residual, which does not vanish where the residual is
curved in c. So b is taken for each fold of the points from the other folds, and is then independent of them; and the
scatter of v + c·b needs no correction for the fit.

The error of a sum of means x̄ of independent samples is (Σ s²/n)^½. Heavy tails make s² itself uncertain: Var s² ≈
(κ − 1) s⁴/n with the kurtosis κ, as on ν = 2n/(κ − 1) degrees of freedom, at most n − 1; together (Σ s²/n)²/Σ (s²/n)²/ν
(Welch, Biometrika 34, 1947; Satterthwaite, Biometrics Bulletin 2, 1946).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FOLDS = 8


def adjusted(value: Tensor, controls: Tensor) -> tuple[Tensor, Tensor]:
    """Return v + c·b at n points, shape (n,), and the mean of b over folds, shape (k,).

    Arguments:
        value: v, shape (n,), at independent points. Points of several kinds come one kind after the other: fold k
            has every eighth point from k on, and must be made up as the whole is, or b depends on the fold's kind.
        controls: c, of mean 0 over such points, shape (n, k).
    """
    fold = torch.arange(len(value)) % FOLDS
    found, slopes = value.clone(), []
    for k in range(FOLDS):
        own = fold == k
        slopes.append(_slopes(value[~own], controls[~own]))
        found[own] += controls[own] @ slopes[-1]
    return found, torch.stack(slopes).mean(0)


def error_of_means(*samples: Tensor) -> tuple[float, float]:
    """Return the standard error of the sum of the means of independent samples, shape (n,) each; and its freedom."""
    total, scatter = 0.0, 0.0
    for sample in samples:
        n, centred = len(sample), sample - sample.mean()
        square = centred.square().mean().item()
        if square <= 0:
            continue
        part = square / (n - 1)
        kurtosis = centred.pow(4).mean().item() / square**2
        total += part
        scatter += part**2 * max((kurtosis - 1) / (2 * n), 1 / (n - 1))
    return total**0.5, total**2 / scatter if scatter > 0 else math.inf


def _slopes(value: Tensor, controls: Tensor) -> Tensor:
    """Coefficients b that make the variance of value + controls·b least, shape (k,)."""
    centred = controls - controls.mean(0)
    scale = centred.square().mean(0).sqrt().clamp(min=1e-300)
    # The controls may be dependent: ln p_δ of a Gaussian is a quadratic function.
    solved: Tensor = torch.linalg.lstsq(centred / scale, (value.mean() - value)[:, None], driver="gelsd").solution
    slopes: Tensor = solved[:, 0] / scale
    return slopes
