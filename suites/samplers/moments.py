"""Mean and covariance in float64: of a law that knows them, or gathered block by block."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Mean (d,) and covariance (d, d), float64."""

    mean: Tensor
    covariance: Tensor


def of_mixture(weights: Tensor, means: Tensor, covariances: Tensor) -> Moments:
    """Return the moments of a mixture of laws with weights (K,), means (K, d), (K, d, d)."""
    weights = weights / weights.sum()
    mean = weights @ means
    apart = means - mean
    within = (weights[:, None, None] * covariances).sum(0)
    return Moments(mean, within + (weights[:, None] * apart).T @ apart)
