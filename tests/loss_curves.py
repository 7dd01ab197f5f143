"""Two normal laws on a line, a denoiser that is wrong there, and its losses: all by quadrature."""

import numpy as np
import torch

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


def loss(sigma, denoise=denoise):
    """E(X_0 − D(X_0 + σξ, σ))² by quadrature over X_0 and ξ, not by way of the exact denoiser."""
    total = 0.0
    for mean, weight in zip(MEANS, WEIGHTS, strict=True):
        clean = mean + DEVIATION * NODES[:, None]
        square = (clean - denoise(clean + sigma * NODES, sigma)) ** 2
        total += weight * (NODE_WEIGHTS[:, None] * NODE_WEIGHTS * square).sum()
    return float(total)


def exact_curve(count=161, sigma_min=0.05, sigma_max=20.0, denoise=denoise):
    sigma = np.geomspace(sigma_min, sigma_max, count)
    return LossCurve(1, sigma, np.array([loss(each, denoise) for each in sigma]))


def trained_denoiser(steps=400):
    """A small network in EDM's preconditioning, trained here on draws of the two laws; it takes and gives arrays."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 16), (16,), (16, 16), (16,), (16, 1), (1,)]
    parameters = [torch.randn(*shape, generator=generator, dtype=torch.float64) / shape[0] ** 0.5 for shape in shapes]
    parameters = [p.requires_grad_() for p in parameters]
    deviation = float(np.sqrt(DEVIATION**2 + WEIGHTS @ MEANS**2 - (WEIGHTS @ MEANS) ** 2))

    def network(x, sigma):
        total = (sigma**2 + deviation**2) ** 0.5
        h = torch.stack([x / total, torch.log(sigma).expand_as(x) / 4], -1)
        for weight, bias in zip(parameters[0:4:2], parameters[1:4:2], strict=True):
            h = torch.tanh(h @ weight + bias)
        out = (h @ parameters[4] + parameters[5])[..., 0]
        return deviation**2 / total**2 * x + sigma * deviation / total * out

    optimiser, rng = torch.optim.Adam(parameters, 1e-2), np.random.default_rng(0)
    for _ in range(steps):
        clean, noise = map(torch.from_numpy, draw(rng, 256))
        sigma = torch.from_numpy(np.exp(rng.normal(-0.5, 1.5, 256)))
        weight = (sigma**2 + deviation**2) / (sigma * deviation) ** 2
        optimiser.zero_grad()
        (weight * (network(clean + sigma * noise, sigma) - clean) ** 2).mean().backward()
        optimiser.step()

    def denoise(x, sigma):
        with torch.no_grad():
            return network(torch.from_numpy(np.array(x)), torch.tensor(float(sigma), dtype=torch.float64)).numpy()

    return denoise


def path_divergence(levels, variances, denoise=denoise):
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
