"""Grounds that are known exactly: mixtures, and the posterior of finite data."""

from __future__ import annotations

import pytest
import torch

from suites.models.digits import digits
from suites.samplers.ground import load_ground
from suites.samplers.mixture import random_mixture
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS


@pytest.mark.parametrize("name", ["mixture2", "mixture64"])
@pytest.mark.parametrize("sigma", [0.05, 0.7, 20.0])
def test_a_mixtures_denoiser_is_the_score_of_its_density(name: str, sigma: float) -> None:
    """Tweedie: D = x + sigma^2 grad log p, with the gradient by autograd."""
    ground = load_ground(name)
    x = ground.halves(4, 0)[0] + sigma * torch.randn(4, *ground.shape, dtype=torch.float64)
    with torch.enable_grad():
        x.requires_grad_()
        score = torch.autograd.grad(ground.log_density(x, sigma).sum(), x)[0]  # type: ignore[attr-defined]
    got = ground.denoiser(torch.float64, CPU)(x.detach(), sigma)
    torch.testing.assert_close(got, x.detach() + sigma**2 * score, rtol=1e-9, atol=1e-9)


def test_a_mixtures_density_integrates_to_one() -> None:
    mixture = random_mixture(2, 3, 0.5, seed=0)
    axis = torch.linspace(-8, 8, 401, dtype=torch.float64)
    points = torch.cartesian_prod(axis, axis)
    total = mixture.log_density(points, 0.3).exp().sum() * float(axis[1] - axis[0]) ** 2
    assert float(total) == pytest.approx(1.0, rel=1e-6)


def test_a_mixtures_samples_have_its_moments() -> None:
    mixture = random_mixture(2, 6, 0.25, seed=2)
    drawn, other = mixture.halves(40_000, 0)
    mean = (mixture.weights[:, None] * mixture.means).sum(0)
    torch.testing.assert_close(drawn.mean(0), mean, rtol=0, atol=0.03)
    assert not torch.equal(drawn, other)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 30.0])
def test_the_posteriors_denoiser_is_the_score_of_its_density(sigma: float) -> None:
    ground = load_ground("posterior")
    images = digits().pixels.double()
    x = images[:3] + sigma * torch.randn(3, 1, 8, 8, dtype=torch.float64)
    with torch.enable_grad():
        x.requires_grad_()
        distances = (x[:, None] - images).square().sum((2, 3, 4))
        score = torch.autograd.grad((-distances / (2 * sigma**2)).logsumexp(-1).sum(), x)[0]
    got = ground.denoiser(torch.float64, CPU)(x.detach(), sigma)
    torch.testing.assert_close(got, x.detach() + sigma**2 * score, rtol=1e-8, atol=1e-8)


def test_halves_of_finite_data_share_no_image() -> None:
    real, other = load_ground("posterior").halves(2000, 0)
    assert len(real) == len(other) == 1797 // 2
    shuffled = torch.cat([real, other]).flatten(1)
    assert len(shuffled.unique(dim=0)) >= len(digits().pixels.flatten(1).unique(dim=0)) - 1
