"""J(u) and M(u) by their definitions."""

import math

import numpy as np
import torch
from harness_synthetic.targets import Ring

from harness.engine.measurement import measure_information


def test_j_is_d_over_u_less_m_over_u_squared():
    """M by its definition, on simulated pairs; J by its definition, on simulated scores."""
    target = Ring().distribution()
    u, n = 0.05, 200_000
    generator = torch.Generator().manual_seed(3)
    clean = target.sample(n, generator)
    x = clean + math.sqrt(u) * torch.randn(n, 2, generator=generator, dtype=torch.float64)
    residual = target.denoise(x, math.sqrt(u))
    gap = ((residual - x) / u).square().sum(1) - (2 / u - (clean - residual).square().sum(1) / u**2)
    assert abs(float(gap.mean())) < 4 * float(gap.std()) / math.sqrt(n)
    measured = measure_information(target, 0.1, 1.0)
    direct = ((residual - x) / u).square().sum(1)
    replicates = measured.fisher(np.array([u]))[:, 0]
    error = math.hypot(float(direct.std()) / math.sqrt(n), replicates.std(ddof=1) / math.sqrt(8))
    assert abs(replicates.mean() - float(direct.mean())) < 4 * error
    np.testing.assert_allclose(measured.mmse(np.array([u])), 2 * u - u**2 * measured.fisher(np.array([u])))
