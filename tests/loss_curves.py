"""Two normal laws on a line, a denoiser that is wrong there, and its losses: all by quadrature."""

import numpy as np

from harness.loss_curve import LossCurve

MEANS, DEVIATION, WEIGHTS = np.array([-1.0, 1.4]), 0.5, np.array([0.4, 0.6])

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
NODE_WEIGHTS = NODE_WEIGHTS / NODE_WEIGHTS.sum()


def log_density(x, u):
    """ln p_u at x, any shape."""
    v = DEVIATION**2 + u
    terms = np.log(WEIGHTS) - 0.5 * ((x[..., None] - MEANS) ** 2 / v + np.log(2 * np.pi * v))
    return np.logaddexp(terms[..., 0], terms[..., 1])


def denoise(x, sigma, shift=0.3, deviation=0.7):
    """The denoiser of other normal laws: shifted, wider, equally heavy; wrong at each level."""
    u = sigma**2
    v, means = deviation**2 + u, MEANS + shift
    terms = -0.5 * (x[..., None] - means) ** 2 / v
    r = np.exp(terms - terms.max(-1, keepdims=True))
    r /= r.sum(-1, keepdims=True)
    return x + (r * u / v * (means - x[..., None])).sum(-1)


def loss(sigma):
    """E(X_0 − D(X_0 + σξ, σ))² by quadrature over X_0 and ξ, not by way of the exact denoiser."""
    total = 0.0
    for mean, weight in zip(MEANS, WEIGHTS, strict=True):
        clean = mean + DEVIATION * NODES[:, None]
        square = (clean - denoise(clean + sigma * NODES, sigma)) ** 2
        total += weight * (NODE_WEIGHTS[:, None] * NODE_WEIGHTS * square).sum()
    return float(total)


def exact_curve(count=161, sigma_min=0.05, sigma_max=20.0):
    sigma = np.geomspace(sigma_min, sigma_max, count)
    return LossCurve(1, sigma, np.array([loss(each) for each in sigma]))


def path_divergence(levels, variances):
    """KL of the chains below the first level, by definition: of each reverse kernel from the sampler's."""
    total = 0.0
    for sigma, after, variance in zip(levels, levels[1:], variances, strict=False):
        delta = sigma**2 - after**2
        for mean, weight in zip(MEANS, WEIGHTS, strict=True):
            reached = (mean + np.sqrt(DEVIATION**2 + after**2) * NODES)[:, None]
            x = reached + np.sqrt(delta) * NODES
            true = log_density(reached, after**2) + normal(x, reached, delta) - log_density(x, sigma**2)
            kept = after**2 / sigma**2
            ours = normal(reached, kept * x + (1 - kept) * denoise(x, sigma), variance)
            total += weight * (NODE_WEIGHTS[:, None] * NODE_WEIGHTS * (true - ours)).sum()
    return float(total)


def normal(x, mean, variance):
    return -0.5 * ((x - mean) ** 2 / variance + np.log(2 * np.pi * variance))


def measured_curve(rng, points, shared, count=24, sigma_min=0.05, sigma_max=20.0):
    """The curve that so many held-out points show at each level, with standard errors: the same ones, or fresh ones."""
    sigma, rows = np.geomspace(sigma_min, sigma_max, count), []
    clean, noise = draw(rng, points)
    for each in sigma:
        if not shared:
            clean, noise = draw(rng, points)
        square = (clean - denoise(clean + each * noise, each)) ** 2
        rows.append((square.mean(), square.std(ddof=1) / points**0.5))
    found, error = np.array(rows).T
    return LossCurve(1, sigma, found, error)


def draw(rng, points):
    component = rng.choice(2, points, p=WEIGHTS)
    return MEANS[component] + DEVIATION * rng.standard_normal(points), rng.standard_normal(points)
