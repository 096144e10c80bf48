"""Precision and recall: how many images look true, and how much of the truth they cover."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NEIGHBOURS = 3


class PrecisionRecall(NamedTuple):
    """Shares from 0 to 1."""

    precision: float
    recall: float


def precision_recall(features: Tensor, real: Tensor, k: int = NEIGHBOURS) -> PrecisionRecall:
    """Compare (n, d) with true ones, of as many: the numbers depend on n, as all neighbours do.

    Kynkäänniemi et al. 2019 (arXiv:1904.06991), eq. 1 and 2: a set is covered by balls around its
    points, each as large as the distance to its k-th neighbour; precision is the share of
    `features` within the balls of `real`, recall the reverse.
    """
    if min(len(features), len(real)) <= k:
        raise ValueError(f"expected more than {k} of each, got {len(features)} and {len(real)}")
    apart = torch.cdist(features, real)
    precision = (apart <= _radii(real, k)).any(1)
    recall = (apart <= _radii(features, k)[:, None]).any(0)
    return PrecisionRecall(float(precision.double().mean()), float(recall.double().mean()))


def _radii(points: Tensor, k: int) -> Tensor:
    """Return every point's distance to its k-th neighbour; the nearest of all is itself."""
    own = torch.cdist(points, points).fill_diagonal_(0)
    return own.topk(k + 1, largest=False).values[:, -1]
