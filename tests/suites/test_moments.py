"""Moments gathered block by block, beside NumPy's of all rows at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from suites.samplers.moments import Gathering, Moments, of_mixture
from tests.suites.on_cpu import MARKS

pytestmark = MARKS


def rows(count: int, dim: int, offset: float = 0.0) -> torch.Tensor:
    rng = np.random.default_rng(count + dim)
    drawn = rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)) + offset
    return torch.from_numpy(drawn)


def assert_of(found: Moments, samples: torch.Tensor, rtol: float = 1e-12) -> None:
    mean, covariance = samples.numpy().mean(0), np.cov(samples.numpy(), rowvar=False)
    np.testing.assert_allclose(found.mean.numpy(), mean, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(found.covariance.numpy(), covariance, rtol=rtol, atol=rtol * 100)


@pytest.mark.parametrize("sizes", [(500,), (1, 499), (7, 293, 200), (250, 250)])
def test_blocks_of_any_size_make_up_the_whole(sizes: tuple[int, ...]) -> None:
    samples = rows(500, 9)
    gathered = Gathering(9)
    for block in samples.split(list(sizes)):
        gathered.add(block)
    assert gathered.count == 500
    assert_of(gathered.moments(), samples)


def test_gatherings_merge() -> None:
    samples = rows(400, 6)
    parts = [Gathering(6) for _ in range(3)]
    for part, block in zip(parts[:2], samples.split(170), strict=False):
        part.add(block)
    parts[1].add(samples[340:])
    for part in parts[1:]:  # the last has seen nothing
        parts[0].merge(part)
    assert_of(parts[0].moments(), samples)


def test_a_large_mean_costs_no_digits() -> None:
    """Sums of squares would keep none of a variance of 1 beside a mean of 1e8."""
    samples, gathered = rows(3000, 4), Gathering(4)
    for block in (samples + 1e8).split(256):
        gathered.add(block)
    expected = np.cov((samples + 1e8).numpy() - 1e8, rowvar=False)
    np.testing.assert_allclose(
        gathered.moments().covariance.numpy(), expected, rtol=1e-7, atol=1e-7
    )


def test_float32_blocks_are_summed_in_float64() -> None:
    single, gathered = rows(1000, 5, offset=30.0).float(), Gathering(5)
    for block in single.split(100):
        gathered.add(block)
    assert_of(gathered.moments(), single.double())


def test_fewer_than_two_rows_have_no_covariance() -> None:
    gathered = Gathering(3)
    gathered.add(torch.ones(1, 3))
    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        gathered.moments()


def test_moments_of_a_mixture_are_those_of_its_parts_together() -> None:
    parts = [rows(n, 4, offset=n / 100) for n in (100, 300)]
    weights = torch.tensor([100.0, 300.0], dtype=torch.float64)
    means = torch.stack([part.mean(0) for part in parts])
    covariances = torch.stack([part.T.cov(correction=0) for part in parts])
    found, whole = of_mixture(weights, means, covariances), torch.cat(parts)
    torch.testing.assert_close(found.mean, whole.mean(0))
    torch.testing.assert_close(found.covariance, whole.T.cov(correction=0))
