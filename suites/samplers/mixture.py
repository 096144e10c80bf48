"""Gaussian mixtures: density, score and posterior mean in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suites.samplers.ground import Denoise, Ground
from suites.samplers.moments import Moments, of_mixture

SAMPLE_STREAM = 1 << 20  # keeps the seeds of real samples apart from those that make a mixture


@dataclass(frozen=True)
class Mixture(Ground):
    """Gaussians of one standard deviation `spread` around means (K, d) with weights (K,)."""

    means: Tensor
    weights: Tensor
    spread: float

    exact: ClassVar[bool] = True
    smooth: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (self.means.shape[1],)

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return the posterior mean E[x0 | x]: each Gaussian's own, weighted by responsibility."""
        means = self.means.to(device, dtype)
        log_weights = self.weights.log().to(device, dtype)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            total = self.spread**2 + sigma**2
            distances = (x[:, None] - means).square().sum(-1)
            responsibilities = (log_weights - distances / (2 * total)).softmax(-1)
            return (self.spread**2 * x + sigma**2 * (responsibilities @ means)) / total

        return denoise

    def log_density(self, x: Tensor, sigma: float) -> Tensor:
        """Return log p(x; sigma) of data plus noise, (B,): what the denoiser is the gradient of."""
        total = self.spread**2 + sigma**2
        distances = (x[:, None] - self.means).square().sum(-1)
        constant = -0.5 * self.means.shape[1] * math.log(2 * math.pi * total)
        return (self.weights.log() - distances / (2 * total)).logsumexp(-1) + constant

    def moments(self, label: int | None = None) -> Moments:
        """Return the exact mean and covariance."""
        identity = torch.eye(self.means.shape[1], dtype=torch.float64)
        within = (self.spread**2 * identity).expand(len(self.means), -1, -1)
        return of_mixture(self.weights, self.means, within)

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        """Draw two independent sets of `num_images`."""
        generator = torch.Generator().manual_seed(SAMPLE_STREAM + seed)
        component = torch.multinomial(
            self.weights, 2 * num_images, replacement=True, generator=generator
        )
        noise = torch.randn(2 * num_images, *self.shape, generator=generator, dtype=torch.float64)
        drawn = self.means[component] + self.spread * noise
        return drawn[:num_images], drawn[num_images:]


def random_mixture(dim: int, num_components: int, spread: float, seed: int) -> Mixture:
    """Draw means of unit variance a coordinate and uneven weights, from one seed."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(num_components, dim, generator=generator, dtype=torch.float64)
    weights = torch.rand(num_components, generator=generator, dtype=torch.float64) + 0.5
    return Mixture(means, weights / weights.sum(), spread)
