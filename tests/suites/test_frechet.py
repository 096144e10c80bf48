"""The Fréchet distance between features of two sets of images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from suites.samplers.frechet import frechet_distance
from tests.suites.on_cpu import MARKS

pytestmark = MARKS


def by_scipy(features: np.ndarray, others: np.ndarray) -> float:
    """Compute the distance as Heusel et al. write it, with a root of the product."""
    from scipy.linalg import sqrtm

    covariances = [np.cov(f, rowvar=False) for f in (features, others)]
    gap = features.mean(0) - others.mean(0)
    root = sqrtm(covariances[0] @ covariances[1])
    return float(gap @ gap + np.trace(covariances[0] + covariances[1] - 2 * np.real(root)))


@pytest.mark.parametrize(("count", "dim"), [(400, 5), (900, 64), (300, 200)])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_frechet_distance_is_scipys(count: int, dim: int, offset: float) -> None:
    rng = np.random.default_rng(count + dim)
    features = rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)) + offset
    others = rng.normal(size=(count, dim)) * 1.3 + 0.2 + offset
    got = frechet_distance(torch.from_numpy(features), torch.from_numpy(others))
    assert got == pytest.approx(by_scipy(features, others), rel=1e-6)


def test_frechet_distance_of_fewer_images_than_features() -> None:
    """With the other side's covariance the identity, the distance has a closed form."""
    rng = torch.Generator().manual_seed(0)
    few = torch.randn(20, 100, generator=rng, dtype=torch.float64)
    assert frechet_distance(few, few) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(few, few + 2) == pytest.approx(400.0, rel=1e-9)
    values = torch.linalg.eigvalsh(few.T.cov()).clamp(min=0)
    shrunk = few.mean(0) + 0.5 * (few - few.mean(0))
    assert frechet_distance(few, shrunk) == pytest.approx(float(values.sum()) / 4, rel=1e-9)
    with pytest.raises(ValueError, match="expected features of shape"):
        frechet_distance(few[:1], few)
