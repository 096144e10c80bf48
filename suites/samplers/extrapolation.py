"""The Fréchet distance at infinitely many images: its bias falls as 1/n."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from suites.samplers.frechet import frechet_distance
from suites.samplers.moments import Moments

NUM_SUBSETS = 15
SMALLEST = 0.25  # of all images


def at_infinity(features: Tensor, others: Tensor | Moments, seed: int) -> float:
    """Extrapolate the distance of (n, d) linearly in 1/n, from subsets of growing size.

    Chong and Forsyth 2020 (arXiv:1911.07023), section 3: FD_n = FD_infinity + slope / n. It is
    unbiased, and so may be negative; the interval is made over seeds.
    """
    sizes = np.linspace(max(2, SMALLEST * len(features)), len(features), NUM_SUBSETS).astype(int)
    generator = torch.Generator().manual_seed(seed)
    distances = []
    for size in sizes:
        picked = torch.randperm(len(features), generator=generator)[:size]
        distances.append(frechet_distance(features[picked], others))
    _, intercept = np.polyfit(1 / sizes, distances, 1)
    return float(intercept)
