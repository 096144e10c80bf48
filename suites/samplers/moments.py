"""Mean and covariance in float64: of a law that knows them, or gathered block by block."""

from __future__ import annotations

from dataclasses import dataclass

import torch
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


def of_samples(samples: Tensor) -> Moments:
    """Return the mean and the unbiased covariance of (n >= 2, d)."""
    gathered = Gathering(samples.shape[1])
    gathered.add(samples)
    return gathered.moments()


class Gathering:
    """Moments of rows that come in blocks; two gatherings merge into one.

    Chan, Golub and LeVeque 1979 (STAN-CS-79-773): every block is centred by its own mean first, so
    that no digits are lost to a large one. `scatter` is the sum of outer products of what is
    centred.
    """

    def __init__(self, dim: int):
        self.count = 0
        self.mean = torch.zeros(dim, dtype=torch.float64)
        self.scatter = torch.zeros(dim, dim, dtype=torch.float64)

    def add(self, block: Tensor) -> None:
        """Take in rows (n, d) of any dtype."""
        rows = block.detach().cpu().double()
        mean = rows.mean(0)
        centred = rows - mean
        self.scatter.addmm_(centred.T, centred)
        self._join(len(rows), mean)

    def merge(self, other: Gathering) -> None:
        """Take in all that another one has seen."""
        self.scatter += other.scatter
        self._join(other.count, other.mean)

    def _join(self, count: int, mean: Tensor) -> None:
        """Take in the number and the mean of rows whose own scatter has been added."""
        if count == 0:
            return
        apart, total = mean - self.mean, self.count + count
        self.scatter.addr_(apart, apart, alpha=self.count * count / total)
        self.mean += apart * (count / total)
        self.count = total

    def moments(self) -> Moments:
        """Return the mean and the unbiased covariance; ValueError of fewer than two rows."""
        if self.count < 2:
            raise ValueError(f"expected at least 2 rows, got {self.count}")
        return Moments(self.mean.clone(), self.scatter / (self.count - 1))
