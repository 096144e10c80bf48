"""The Fréchet distance between Gaussians of two sets of features, in float64."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from suites.samplers.moments import Moments, of_samples


class Side(NamedTuple):
    """Mean, and R with R^T R the covariance; `regular`: R is triangular and of full rank."""

    mean: Tensor
    root: Tensor
    regular: bool


def frechet_distance(features: Tensor | Moments, others: Tensor | Moments) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of samples (n, d), or of their moments.

    Dowson and Landau 1982; Heusel et al. 2017 (arXiv:1706.08500), eq. 6. With C = R^T R the trace
    of the root is the sum of the singular values of R1 R2^T: no root of a matrix is taken, and
    none that is nearly singular.
    """
    one, two = _side("features", features), _side("others", others)
    product = one.root @ two.root.T
    if one.regular and two.regular:  # eigenvalues cost a fifth, and lose what is nearly 0
        cross = torch.linalg.eigvalsh(product @ product.T).clamp(min=0).sqrt().sum()
    else:
        cross = torch.linalg.svdvals(product).sum()
    traces = one.root.square().sum() + two.root.square().sum()
    # a distance: below 0 by rounding alone
    return max(float((one.mean - two.mean).square().sum() + traces - 2 * cross), 0.0)


def _side(name: str, found: Tensor | Moments) -> Side:
    """Take a root of the covariance: by QR of the samples where it is singular."""
    if isinstance(found, Moments):
        return _by_cholesky(found) or _by_eigenvalues(found)
    if found.ndim != 2 or len(found) < 2:
        raise ValueError(f"expected {name} of shape (n >= 2, d), got {tuple(found.shape)}")
    samples = found.double()
    regular = _by_cholesky(of_samples(samples)) if len(samples) > samples.shape[1] else None
    return regular or _by_qr(samples)


def _by_cholesky(moments: Moments) -> Side | None:
    lower, failed = torch.linalg.cholesky_ex(moments.covariance)
    return None if failed else Side(moments.mean, lower.T, regular=True)


def _by_qr(samples: Tensor) -> Side:
    mean = samples.mean(0)
    triangle = torch.linalg.qr((samples - mean) / (len(samples) - 1) ** 0.5, mode="r").R
    return Side(mean, triangle, regular=False)


def _by_eigenvalues(moments: Moments) -> Side:
    values, vectors = torch.linalg.eigh(moments.covariance)
    return Side(moments.mean, values.clamp(min=0).sqrt()[:, None] * vectors.T, regular=False)
