"""The Fréchet distance between two sets of features, in float64."""

from __future__ import annotations

import torch
from torch import Tensor


def frechet_distance(features: Tensor, others: Tensor) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of (n, d) and (m, d).

    Dowson and Landau 1982; Heusel et al. 2017 (arXiv:1706.08500), eq. 6. With centred features
    X = Q R, C = R^T R, the trace of the root is the sum of the singular values of R1 R2^T: no
    root of a matrix is taken, and none that is nearly singular when n < d.
    """
    for name, found in (("features", features), ("others", others)):
        if found.ndim != 2 or len(found) < 2:
            raise ValueError(f"expected {name} of shape (n >= 2, d), got {tuple(found.shape)}")
    (mean1, root1), (mean2, root2) = _moments(features), _moments(others)
    cross = torch.linalg.svdvals(root1 @ root2.T).sum()
    traces = root1.square().sum() + root2.square().sum()
    # a distance: below 0 by rounding alone
    return max(float((mean1 - mean2).square().sum() + traces - 2 * cross), 0.0)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean, and R with R^T R the unbiased covariance."""
    features = features.double()
    mean = features.mean(0)
    triangle = torch.linalg.qr((features - mean) / (len(features) - 1) ** 0.5, mode="r").R
    return mean, triangle
