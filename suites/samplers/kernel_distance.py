"""The kernel inception distance: of any features, unbiased at any number of images."""

from __future__ import annotations

import torch
from torch import Tensor

NUM_SUBSETS, SIZE = 20, 250  # the paper's 100 of 1000 would cost a second and tell no more here


def kernel_distance(
    features: Tensor,
    others: Tensor,
    seed: int,
    num_subsets: int = NUM_SUBSETS,
    size: int = SIZE,
) -> float:
    """Return the mean over subsets of the squared maximum mean discrepancy of (n, d) and (m, d).

    Binkowski et al. 2018 (arXiv:1801.01401), section 4: the unbiased estimate with the kernel
    (x y / d + 1)^3. Being unbiased it may be negative. The seed chooses the subsets.
    """
    size = min(size, len(features), len(others))
    generator = torch.Generator().manual_seed(seed)
    found = [
        _discrepancy(_subset(features, size, generator), _subset(others, size, generator))
        for _ in range(num_subsets)
    ]
    return float(torch.stack(found).mean())


def _subset(features: Tensor, size: int, generator: torch.Generator) -> Tensor:
    return features[torch.randperm(len(features), generator=generator)[:size]].double()


def _discrepancy(x: Tensor, y: Tensor) -> Tensor:
    """Return the estimate of E k(x, x') + E k(y, y') - 2 E k(x, y), of two sets of one size."""
    size = len(x)
    apart = size * (size - 1)
    within = sum((gram.sum() - gram.trace()) / apart for gram in (_kernel(x, x), _kernel(y, y)))
    return within - 2 * _kernel(x, y).mean()


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3
