"""The Fréchet distance between features of two sets of images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from suites.samplers.frechet import frechet_distance
from suites.samplers.moments import Moments, of_samples
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


@pytest.mark.parametrize(("count", "dim"), [(900, 64), (300, 200)])
def test_moments_give_what_samples_give(count: int, dim: int) -> None:
    rng = np.random.default_rng(3)
    features = torch.from_numpy(rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)))
    others = 1.3 * torch.from_numpy(rng.normal(size=(count, dim)))
    expected = frechet_distance(features, others)
    sides = (features, of_samples(features)), (others, of_samples(others))
    for one, two in itertools.product(*sides):
        assert frechet_distance(one, two) == pytest.approx(expected, rel=1e-9)


def test_gaussians_that_share_their_axes_have_a_closed_form() -> None:
    """|m1 - m2|^2 + sum (s1 - s2)^2, also where some s are 0 and a covariance has no inverse."""
    one = torch.tensor([3.0, 1.0, 0.5, 0.0, 0.0], dtype=torch.float64)
    two = torch.tensor([1.0, 1.0, 0.0, 0.2, 0.0], dtype=torch.float64)
    turn = torch.linalg.qr(torch.arange(25.0, dtype=torch.float64).reshape(5, 5).sin()).Q
    sides = [Moments(turn[0] * i, turn @ (s**2).diag() @ turn.T) for i, s in enumerate((one, two))]
    expected = 1 + float((one - two).square().sum())
    assert frechet_distance(*sides) == pytest.approx(expected, abs=1e-7)


def test_features_that_never_vary_do_no_harm() -> None:
    """A dead unit of a network makes every covariance singular."""
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(300, 40, generator=rng, dtype=torch.float64)
    dead = torch.cat([features, torch.zeros(300, 24)], 1)
    assert frechet_distance(dead, dead) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(of_samples(dead), of_samples(dead)) == pytest.approx(0.0, abs=1e-6)
    expected = frechet_distance(features, 2 * features)
    assert frechet_distance(dead, 2 * dead) == pytest.approx(expected, rel=1e-9)
