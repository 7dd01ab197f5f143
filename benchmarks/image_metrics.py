"""What do the metrics of images say where the answer is known? Prints five tables.

    python benchmarks/image_metrics.py [--target fashion-mnist] [--train-steps 1000] [--pairs 20] [--only WORD]

- `classifiers`: accuracy on held-out images, and processor seconds to fit, of each kind of classifier.
- `identical`: a sample compared with itself.
- `gaussians`: Fréchet distance and KID of samples of Gaussians in as many dimensions as there are features, beside the
  value of the laws; mean over pairs of samples, and the error of the mean.
- `bias`: two disjoint halves of held-out and training images, drawn anew for each pair, so that both are of one law:
  the mean over pairs of d² (Fréchet distance squared), of n·d² and of KID with its error, by the number n of either.
- `corruptions`: half of the held-out images, damaged in three ways at four strengths, against the other half.

The target must be of images with labels that are held out too; files that must be got first are named by the target.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from harness_metrics.classifier import Kind, features_of, fit, notes
from harness_metrics.frechet import frechet
from harness_metrics.kernel_certificate import between
from harness_metrics.kernel_distance import kernel_distance
from harness_metrics.neighbourhoods import coverage, density, share_inside
from tabulate import tabulate
from torch import Tensor

from harness.components import parse_request
from harness.metrics import Measurement
from harness.registry.discovery import load
from harness.targets import Distribution, Target

KINDS: tuple[Kind, ...] = ("perceptron", "convolution")
FEATURES = 16
SIZES = (125, 250, 500, 1000, 2000, 4000)
NOISE = (0.1, 0.2, 0.4, 0.8)
BLUR = (0.5, 0.75, 1.0, 1.5)
SWAPS = (1, 2, 4, 8)
PATCHES = 4
"""Patches along a side, that are swapped."""

POINTS, DAMAGED = 2000, 1000
"""Images, or points, of either sample: in the tables of one comparison, and in that of damage."""

COMPARISONS: Mapping[str, Callable[[Tensor, Tensor], Measurement]] = {
    "Fréchet d": frechet,
    "KID": kernel_distance,
    "precision": lambda x, y: share_inside(x, y, 3),
    "recall": lambda x, y: share_inside(y, x, 3),
    "density": lambda x, y: density(x, y, 5),
    "coverage": lambda x, y: coverage(x, y, 5),
}
"""The metrics, from features of samples, with the default number of neighbours."""

Fits = Mapping[Kind, Mapping[str, Tensor]]
Row = list[str]


@dataclass(frozen=True)
class Case:
    """What the tables are made of: a law, its fitted classifiers, and how many pairs of samples are drawn."""

    law: Distribution
    fits: Fits
    seconds: Mapping[Kind, float]
    pairs: int


def made(target: str, steps: int, pairs: int) -> Case:
    """Read the target and fit a classifier of each kind."""
    (component,) = load().make("target", parse_request(target))
    if not isinstance(component, Target):
        raise TypeError(f"{target} is no target")
    law = component.distribution()
    fits: dict[Kind, Mapping[str, Tensor]] = {}
    seconds: dict[Kind, float] = {}
    for kind in KINDS:
        began = time.process_time()
        fits[kind] = fit(law, torch.Generator().manual_seed(0), kind, FEATURES, steps)
        seconds[kind] = time.process_time() - began
    return Case(law, fits, seconds, pairs)


def held_out(law: Distribution) -> tuple[Tensor, Tensor]:
    """Return both held-out parts, whole; shapes (n, d) and (m, d)."""
    first, second = (law.held_out(10**9, torch.Generator().manual_seed(0), part) for part in (0, 1))
    return first, second


def classifiers(case: Case) -> list[Row]:
    """Accuracy, and what it took."""
    return [[kind, f"{case.seconds[kind]:.1f}", notes(case.fits[kind])[0]] for kind in KINDS]


def identical(case: Case) -> list[Row]:
    """Return what each metric says of a sample and itself."""
    images = held_out(case.law)[0][:POINTS]
    rows = []
    for kind in KINDS:
        x = features_of(images, case.fits[kind])
        rows.append([kind, *(f"{compare(x, x).value:.3g}" for compare in COMPARISONS.values())])
    return rows


def gaussians(case: Case) -> list[Row]:
    """Compare both distances with their values between N(m, a²I) and N(0, I)."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for shift, deviation in ((0.0, 1.0), (0.25, 1.0), (0.0, 1.5), (0.25, 0.7)):
        pairs = [(deviation * _normal(generator) + shift, _normal(generator)) for _ in range(case.pairs)]
        mean = np.full(FEATURES, shift)
        exact = float((mean @ mean + FEATURES * (deviation - 1) ** 2) ** 0.5)
        distances = [frechet(x, y).value for x, y in pairs]
        kernel = [kernel_distance(x, y).value for x, y in pairs]
        law = f"N({shift:g}, {deviation:g}²I)"
        rows.append([law, f"{exact:.4f}", _mean(distances), f"{between(mean, deviation, 1.0):.4f}", _mean(kernel)])
    return rows


def _normal(generator: torch.Generator) -> Tensor:
    return torch.randn(POINTS, FEATURES, generator=generator, dtype=torch.float64)


def _mean(values: list[float], digits: int = 4) -> str:
    """Write a mean with its error."""
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1) / len(values) ** 0.5:.{digits}f}"


def bias(case: Case) -> list[Row]:
    """Compare disjoint samples of all held-out images, by their size."""
    images = torch.cat(held_out(case.law))
    rows = []
    for kind in KINDS:
        features = features_of(images, case.fits[kind])
        for n in [size for size in SIZES if 2 * size <= len(features)]:
            generator = torch.Generator().manual_seed(n)
            orders = [torch.randperm(len(features), generator=generator)[: 2 * n] for _ in range(case.pairs)]
            pairs = [(features[order[:n]], features[order[n:]]) for order in orders]
            squares = [frechet(x, y).value ** 2 for x, y in pairs]
            kernel = [1000 * kernel_distance(x, y).value for x, y in pairs]
            rows.append([kind, str(n), _mean(squares), _mean([n * d for d in squares], 1), _mean(kernel, 2)])
    return rows


def noisy(images: Tensor, strength: float) -> Tensor:
    """Add normal noise of a deviation, in those of the data; images (n, C, H, W)."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0), dtype=images.dtype)
    return images + strength * noise


def blurred(images: Tensor, strength: float) -> Tensor:
    """Blur by a Gaussian of a width in pixels, weights of each pixel adding to 1 at the border too."""

    def weights(side: int) -> Tensor:
        at = torch.arange(side, dtype=images.dtype)
        kernel = torch.exp(-((at[:, None] - at) ** 2) / (2 * strength**2))
        return kernel / kernel.sum(1, keepdim=True)

    return weights(images.shape[2]) @ images @ weights(images.shape[3]).T


def swapped(images: Tensor, strength: float) -> Tensor:
    """Let so many pairs of 4 × 4 patches change places, others in each image; what is left of a side stays."""
    result, generator = images.clone(), torch.Generator().manual_seed(0)
    height, width = images.shape[2] // PATCHES, images.shape[3] // PATCHES
    for image in result:
        places = torch.randperm(PATCHES**2, generator=generator)[: 2 * int(strength)].tolist()
        corners = [(height * (place // PATCHES), width * (place % PATCHES)) for place in places]
        patches = [image[:, top : top + height, left : left + width] for top, left in corners]
        for one, other in zip(patches[::2], patches[1::2], strict=True):
            kept = one.clone()
            one.copy_(other)
            other.copy_(kept)
    return result


Damage = Callable[[Tensor, float], Tensor]

DAMAGES: Mapping[str, tuple[Damage, tuple[float, ...]]] = {
    "noise": (noisy, NOISE),
    "blur": (blurred, BLUR),
    "swapped patches": (swapped, SWAPS),
}


def corruptions(case: Case) -> list[Row]:
    """Compare damaged images with others; the first row of each classifier is without damage."""
    reference, clean = (part[:DAMAGED] for part in held_out(case.law))
    images = clean.reshape(len(clean), *case.law.shape)
    rows = []
    for kind in KINDS:
        y = features_of(reference, case.fits[kind])
        rows.append([kind, "none", "", *_values(features_of(clean, case.fits[kind]), y)])
        for name, (damage, strengths) in DAMAGES.items():
            for strength in strengths:
                x = features_of(damage(images, strength).flatten(1), case.fits[kind])
                rows.append([kind, name, f"{strength:g}", *_values(x, y)])
    return rows


def _values(x: Tensor, y: Tensor) -> Row:
    found = [compare(x, y) for compare in COMPARISONS.values()]
    return [f"{each.value:.3f} ± {each.standard_error:.3f}" for each in found]


TABLES: Mapping[str, tuple[Callable[[Case], list[Row]], Row]] = {
    "classifiers": (classifiers, ["classifier", "seconds", "accuracy"]),
    "identical": (identical, ["classifier", *COMPARISONS]),
    "gaussians": (gaussians, ["generated", "Fréchet d of the laws", "measured", "KID of the laws", "measured"]),
    "bias": (bias, ["classifier", "n", "d²", "n d²", "1000 KID"]),
    "corruptions": (corruptions, ["classifier", "damage", "strength", *COMPARISONS]),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", default="fashion-mnist", help="images with labels, as on a command line")
    parser.add_argument("--train-steps", type=int, default=1000, help="steps of training of each classifier")
    parser.add_argument("--pairs", type=int, default=20, help="pairs of samples that a mean is taken over")
    parser.add_argument("--only", choices=TABLES, help="one table")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    case = made(chosen.target, chosen.train_steps, chosen.pairs)
    for name in [chosen.only] if chosen.only else TABLES:
        table, headers = TABLES[name]
        print(f"\n{name}\n\n{tabulate(table(case), headers, tablefmt='github', disable_numparse=True)}", flush=True)


if __name__ == "__main__":
    main()
