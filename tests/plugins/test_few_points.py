"""Few points, one class, points that are all alike: of each metric a number, or why there is none; never a failure."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from harness_song.samplers import Ancestral, Euler

from harness.engine.payloads.measured import measurement_to_json, said
from harness.engine.sampling import kernel_function, simulate_function
from harness.errors import NotApplicable
from harness.metrics import Experiment, FittedMetric
from harness.mixtures import EmpiricalDistribution
from harness.registry.discovery import load

METRICS = load().classes("metric")

QUICK = {"train_steps": 2, "noised": 16, "particles": 64, "points": 64}
"""What makes a metric quick, and its value rough."""

SIGMAS = np.geomspace(2.0, 0.1, 5)


def law(n, alike, classes):
    """Return n points in the plane to train on, and twice n held out, labelled in turn; perhaps all alike."""
    points = torch.randn(3, n, 2, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    train, *parts = torch.ones_like(points) if alike else points
    labels = torch.arange(n) % classes
    return EmpiricalDistribution(train, tuple(parts), "few", labels, (labels, labels))


@cache
def experiments(n, alike, classes):
    """Return what metrics see of n points that are sampled: by Gaussian steps, by others, and of given labels."""
    target = law(n, alike, classes)
    found = []
    for sampler in (Ancestral(), Euler()):
        noise = sampler.variances(SIGMAS, None, None) if isinstance(sampler, Ancestral) else None
        known = Experiment(
            target=target,
            sampler=sampler,
            sigmas=SIGMAS.tolist(),
            samples=target.parts[1],
            reference=target.parts[0],
            simulate=simulate_function(sampler, target.denoise, SIGMAS, noise),
            exact_network=True,
            last_kernel=None,
            budget=None,
            generator=torch.Generator().manual_seed(0),
            kernel=None if noise is None else kernel_function(sampler, target.denoise, SIGMAS, noise),
        )
        found.append(known)
    return [*found, replace(found[0], kernel=None, labels=target.labels)]


def fitted(metric, target):
    """Return what a metric is fitted to a target, where it is, or that it cannot be."""
    if not isinstance(metric, FittedMetric):
        return None
    torch.manual_seed(0)
    return said(lambda: metric.fit(target, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("n", [1, 2, 3, 10])
@pytest.mark.parametrize("name", METRICS)
def test_a_metric_has_a_number_or_says_why_there_is_none(name, n):
    cls = METRICS[name]
    metric = cls(**{name: value for name, value in QUICK.items() if name in cls.model_fields})
    for alike, classes in ((False, 2), (True, 2), (False, 1)):
        fit = fitted(metric, law(n, alike, classes))
        for given in () if isinstance(fit, NotApplicable) else experiments(n, alike, classes):
            kept = measurement_to_json(said(lambda given=given, fit=fit: metric.measure(replace(given, fitted=fit))))
            assert "value" in kept or kept["not_applicable"]
