"""Mixtures of full covariance: denoiser, classes and moments against independent laws."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import MultivariateNormal

from bench.cases.variant import Unsupported
from suites.models.digits import digits
from suites.samplers.full_mixture import FullMixture, Gaussians
from suites.samplers.ground import load_ground
from tests.suites.on_cpu import CPU, MARKS

pytestmark = MARKS

NUM_CLASSES = 3


def small() -> FullMixture:
    """Return five correlated Gaussians in six dimensions; classes interleave."""
    rng = torch.Generator().manual_seed(5)
    weights = torch.rand(5, generator=rng, dtype=torch.float64) + 0.2
    means = torch.randn(5, 6, generator=rng, dtype=torch.float64)
    roots = 0.4 * torch.randn(5, 6, 6, generator=rng, dtype=torch.float64)
    covariances = roots @ roots.mT + 0.01 * torch.eye(6, dtype=torch.float64)
    classes = torch.tensor([0, 1, 2, 0, 1])
    parts = Gaussians.of(weights, means, covariances, classes)
    return FullMixture((1, 2, 3), NUM_CLASSES, lambda _: parts)


def noisy(ground: FullMixture, sigma: float, count: int = 7) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    noise = torch.randn(count, *ground.shape, generator=rng, dtype=torch.float64)
    return ground.halves(count, 0)[0] + sigma * noise


def score(density, x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        at = x.clone().requires_grad_()
        return torch.autograd.grad(density(at).sum(), at)[0]


@pytest.mark.parametrize("sigma", [0.0, 0.03, 0.7, 20.0])
def test_the_density_is_torchs(sigma: float) -> None:
    ground = small()
    parts, x = ground.gaussians, noisy(ground, sigma)
    wide = parts.covariances() + sigma**2 * torch.eye(6, dtype=torch.float64)
    laws = MultivariateNormal(parts.means_Kd, wide)
    each = parts.weights_K.log() + laws.log_prob(x.flatten(1)[:, None])
    torch.testing.assert_close(ground.log_density(x, sigma), each.logsumexp(-1))
    by_class = torch.stack([each[:, parts.classes_K == c].logsumexp(-1) for c in range(3)], -1)
    got = ground.class_log_probabilities(torch.float64, CPU)(x, sigma)
    torch.testing.assert_close(got, by_class - each.logsumexp(-1, keepdim=True))


@pytest.mark.parametrize("name", ["small", "digits_mixture"])
@pytest.mark.parametrize("sigma", [0.05, 0.7, 20.0])
def test_the_denoiser_is_the_score_of_its_density(name: str, sigma: float) -> None:
    """Tweedie: D = x + sigma^2 grad log p, with the gradient by autograd."""
    ground = small() if name == "small" else load_ground(name)
    assert isinstance(ground, FullMixture)
    x = noisy(ground, sigma)
    expected = x + sigma**2 * score(lambda at: ground.log_density(at, sigma), x)
    got = ground.denoiser(torch.float64, CPU)(x, sigma)
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)
    single = ground.denoiser(torch.float32, CPU)(x.float(), sigma)
    torch.testing.assert_close(single.double(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.05, 0.7, 20.0])
def test_classes_make_up_the_whole(sigma: float) -> None:
    """E[x0 | x] is the mean of E[x0 | x, y] over p(y | x); the guide's gradient is their gap."""
    ground = small()
    x = noisy(ground, sigma)
    conditional = ground.conditional(torch.float64, CPU)
    log_shares = ground.class_log_probabilities(torch.float64, CPU)
    labels = [torch.full((len(x),), c) for c in range(NUM_CLASSES)]
    each = torch.stack([conditional(x, sigma, own) for own in labels])
    shares = log_shares(x, sigma).exp().T.reshape(NUM_CLASSES, -1, 1, 1, 1)
    whole = ground.denoiser(torch.float64, CPU)(x, sigma)
    torch.testing.assert_close((shares * each).sum(0), whole)
    torch.testing.assert_close(shares.sum(0), torch.ones_like(shares[0]))
    gradient = score(lambda at: log_shares(at, sigma)[:, 2], x)
    torch.testing.assert_close(each[2], whole + sigma**2 * gradient, rtol=1e-8, atol=1e-8)
    mixed = torch.tensor([0, 1, 2, 2, 1, 0, 1])
    torch.testing.assert_close(conditional(x, sigma, mixed), each[mixed, torch.arange(7)])


@pytest.mark.parametrize("label", [None, 0, 2])
def test_samples_have_the_exact_moments(label: int | None) -> None:
    ground = small()
    drawn, labels = ground.draw(60_000, 3)
    own = drawn.flatten(1) if label is None else drawn.flatten(1)[labels == label]
    known = ground.moments(label)
    torch.testing.assert_close(own.mean(0), known.mean, rtol=0, atol=0.03)
    torch.testing.assert_close(own.T.cov(), known.covariance, rtol=0, atol=0.04)


def test_the_digits_mixture_has_the_digits_moments() -> None:
    """Expectation maximisation keeps each class's mean, and its covariance but for the floor."""
    ground = load_ground("digits_mixture")
    assert isinstance(ground, FullMixture)
    assert ground.num_classes == 10
    images, labels = digits()
    assert labels is not None
    for label in (None, 8):
        own = images[labels == label] if label is not None else images
        known, found = ground.moments(label), own.flatten(1).double()
        torch.testing.assert_close(known.mean, found.mean(0), rtol=0, atol=1e-6)
        floor = 5e-3 * torch.eye(64, dtype=torch.float64)
        covariance = found.T.cov(correction=0) + floor
        torch.testing.assert_close(known.covariance, covariance, rtol=0, atol=1e-6)


def test_the_digits_mixture_draws_what_its_classes_say() -> None:
    ground = load_ground("digits_mixture")
    assert isinstance(ground, FullMixture)
    drawn, labels = ground.draw(200, 0)
    assert drawn.shape == (200, 1, 8, 8)
    named = ground.class_log_probabilities(torch.float64, CPU)(drawn, 0.01).argmax(-1)
    assert float((named == labels).double().mean()) > 0.97
    with pytest.raises(ValueError, match="takes no data"):
        load_ground("digits_mixture", "images.npy")
    with pytest.raises(Unsupported, match="which this has not"):
        load_ground("mixture2").conditional(torch.float64, CPU)
