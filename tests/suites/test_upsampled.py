"""A ground at twice its resolution, against the mixture that it is, written out."""

from __future__ import annotations

import pytest
import torch

from suites.samplers.full_mixture import FullMixture, Gaussians
from suites.samplers.ground import load_ground
from suites.samplers.upsampled import Upsampled, block_means, repeated
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

SPREAD = 0.3


def small() -> FullMixture:
    """Return three Gaussians over images of 2 x 2, in two classes."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    factors = torch.randn(3, 4, 4, generator=generator, dtype=torch.float64) / 2
    weights = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    parts = Gaussians.of(weights, means, factors @ factors.mT, torch.tensor([0, 1, 1]))
    return FullMixture((1, 2, 2), 2, lambda _: parts)


def written_out() -> FullMixture:
    """Return the same at 4 x 4: means repeated, and a floor where a block's pixels differ."""
    parts = small().gaussians
    repeats = torch.zeros(16, 4, dtype=torch.float64)
    for number, first in enumerate((0, 2, 8, 10)):
        repeats[[first, first + 1, first + 4, first + 5], number] = 1
    rest = torch.eye(16, dtype=torch.float64) - repeats @ repeats.T / 4
    covariances = repeats @ parts.covariances() @ repeats.T + SPREAD**2 * rest
    own = Gaussians.of(parts.weights_K, parts.means_Kd @ repeats.T, covariances, parts.classes_K)
    return FullMixture((1, 4, 4), 2, lambda _: own)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 20.0])
def test_it_denoises_as_the_mixture_that_it_is(sigma: float) -> None:
    ground, expected = Upsampled(small(), SPREAD), written_out()
    x = ground.halves(5, 0)[0] + sigma * torch.randn(5, 1, 4, 4, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 0, 1])
    for name, given in (
        ("denoiser", (x, sigma)),
        ("conditional", (x, sigma, labels)),
        ("class_log_probabilities", (x, sigma)),
    ):
        got, right = (getattr(g, name)(torch.float64, CPU)(*given) for g in (ground, expected))
        torch.testing.assert_close(got, right, rtol=1e-8, atol=1e-8)


def test_its_moments_are_the_mixtures_and_its_images() -> None:
    ground, expected = Upsampled(small(), SPREAD), written_out()
    for label in (None, 1):
        got, right = ground.moments(label), expected.moments(label)
        assert got is not None
        torch.testing.assert_close(got.mean, right.mean)
        torch.testing.assert_close(got.covariance, right.covariance)
    drawn, other = (images.flatten(1) for images in ground.halves(20_000, 0))
    torch.testing.assert_close(drawn.mean(0), expected.moments().mean, rtol=0, atol=0.05)
    torch.testing.assert_close(drawn.T.cov(), expected.moments().covariance, rtol=0, atol=0.1)
    assert not torch.equal(drawn, other)


def test_means_of_blocks_are_the_small_images() -> None:
    images = torch.randn(2, 3, 4, 4)
    assert torch.equal(block_means(repeated(images)), images)
    ground = load_ground("digits_mixture16")
    small_images = ground.small.halves(3, 0)[0]  # type: ignore[attr-defined]
    torch.testing.assert_close(block_means(ground.halves(3, 0)[0]), small_images)
    assert ground.shape == (1, 16, 16)
