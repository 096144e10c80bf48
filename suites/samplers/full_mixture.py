"""Mixtures of Gaussians of full covariance, with classes: everything a guide needs, closed form.

Shapes: B images, K components, d coordinates, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from suites.samplers.ground import Denoise, DenoiseClass, Ground, Progress
from suites.samplers.mixture import SAMPLE_STREAM
from suites.samplers.moments import Moments, of_mixture


class Gaussians(NamedTuple):
    """Components in the bases of their covariances' eigenvectors (columns); float64."""

    weights_K: Tensor
    means_Kd: Tensor
    variances_Kd: Tensor
    bases_Kdd: Tensor
    classes_K: Tensor  # int64

    @classmethod
    def of(cls, weights: Tensor, means: Tensor, covariances: Tensor, classes: Tensor) -> Gaussians:
        """Decompose covariances (K, d, d), once for all noise levels."""
        variances, bases = torch.linalg.eigh(covariances)
        return cls(weights / weights.sum(), means, variances, bases, classes)

    def covariances(self) -> Tensor:
        """Return the covariances (K, d, d)."""
        return (self.bases_Kdd * self.variances_Kd[:, None]) @ self.bases_Kdd.mT


class Posterior:
    """What x = data + sigma noise tells of each component, in one dtype, on one device."""

    def __init__(self, gaussians: Gaussians, dtype: torch.dtype, device: torch.device):
        means, bases = gaussians.means_Kd, gaussians.bases_Kdd
        self.means_Kd, self.variances_Kd = (
            tensor.to(device, dtype) for tensor in (means, gaussians.variances_Kd)
        )
        self.bases_dKd = bases.transpose(0, 1).to(device, dtype)
        self.centres_Kd = torch.einsum("kd,kde->ke", means, bases).to(device, dtype)
        self.log_weights_K = gaussians.weights_K.log().to(device, dtype)

    def of(self, x_Bd: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Return log w_k N(x; m_k, C_k + sigma^2), and x whitened by each, (B, K) and (B, K, d)."""
        num_components, dim = self.means_Kd.shape
        total = self.variances_Kd + sigma**2
        scale = total.rsqrt()
        white = torch.addmm(
            -(self.centres_Kd * scale).flatten(), x_Bd, (self.bases_dKd * scale).reshape(dim, -1)
        ).unflatten(1, (num_components, dim))
        logs = self.log_weights_K - 0.5 * (total.log() + math.log(2 * math.pi)).sum(-1)
        return logs - 0.5 * torch.linalg.vector_norm(white, dim=-1).square(), white

    def mean(self, logs_BK: Tensor, white_BKd: Tensor, sigma: float) -> Tensor:
        """Return E[data | x], (B, d): each component's m + C (C + sigma^2)^-1 (x - m), weighted."""
        shares_BK = logs_BK.softmax(-1)
        shrunk = self.variances_Kd * (self.variances_Kd + sigma**2).rsqrt()
        back = (self.bases_dKd * shrunk).flatten(1).T
        shift = (shares_BK[..., None] * white_BKd).flatten(1)
        return torch.addmm(shares_BK @ self.means_Kd, shift, back)


class FullMixture(Ground):
    """The mixture that `make` returns, fitted now or kept on disk; images of `shape`."""

    exact = True
    # An order of convergence shows here too, as published, but for seconds a case: a ladder of many
    # dimensions in float64. The small mixtures tell it as well for a tenth of that.
    smooth = False

    def __init__(
        self, shape: tuple[int, ...], num_classes: int, make: Callable[[Progress], Gaussians]
    ):
        self.shape, self.num_classes, self._make = shape, num_classes, make

    @cached_property
    def gaussians(self) -> Gaussians:
        """Return the components."""
        return self._make(lambda *_: None)

    def provision(self, progress: Progress) -> None:
        self._make(progress)

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return the posterior mean E[x0 | x]."""
        posterior = Posterior(self.gaussians, dtype, device)

        def denoise(x: Tensor, sigma: float) -> Tensor:
            logs, white = posterior.of(x.flatten(1), sigma)
            return posterior.mean(logs, white, sigma).reshape(x.shape)

        return denoise

    def conditional(self, dtype: torch.dtype, device: torch.device) -> DenoiseClass:
        """Return E[x0 | x, y]: the other classes' components have no share."""
        posterior, member_CK = Posterior(self.gaussians, dtype, device), self._members(device)
        member_CK = torch.cat([member_CK, torch.ones_like(member_CK[:1])])  # the label of none

        def denoise(x: Tensor, sigma: float, labels_B: Tensor) -> Tensor:
            logs, white = posterior.of(x.flatten(1), sigma)
            own = logs.masked_fill(~member_CK[labels_B], -math.inf)
            return posterior.mean(own, white, sigma).reshape(x.shape)

        return denoise

    def class_log_probabilities(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return log p(y | x; sigma), (B, C): Bayes' rule over the components."""
        posterior, member_CK = Posterior(self.gaussians, dtype, device), self._members(device)

        def log_probabilities(x: Tensor, sigma: float) -> Tensor:
            logs, _ = posterior.of(x.flatten(1), sigma)
            each = logs[:, None].masked_fill(~member_CK, -math.inf).logsumexp(-1)
            return each - logs.logsumexp(-1, keepdim=True)

        return log_probabilities

    def log_density(self, x: Tensor, sigma: float) -> Tensor:
        """Return log p(x; sigma) of data plus noise, (B,): what the denoiser is the gradient of."""
        logs, _ = Posterior(self.gaussians, x.dtype, x.device).of(x.flatten(1), sigma)
        return logs.logsumexp(-1)

    def moments(self, label: int | None = None) -> Moments:
        """Return the exact mean and covariance, of all components or of those of one class."""
        weights, means, _, _, classes = self.gaussians
        own = slice(None) if label is None else classes == label
        return of_mixture(weights[own], means[own], self.gaussians.covariances()[own])

    def draw(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        """Draw images (n, *shape), float64, and their labels (n,)."""
        weights, means, variances, bases, classes = self.gaussians
        generator = torch.Generator().manual_seed(SAMPLE_STREAM + seed)
        picked = torch.multinomial(weights, num_images, replacement=True, generator=generator)
        noise = torch.randn(num_images, means.shape[1], generator=generator, dtype=torch.float64)
        drawn = torch.empty_like(noise)
        for k in range(len(weights)):  # a basis an image would be gigabytes
            own = picked == k
            drawn[own] = means[k] + (noise[own] * variances[k].sqrt()) @ bases[k].T
        return drawn.reshape(-1, *self.shape), classes[picked]

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        """Draw two independent sets of `num_images`."""
        drawn, _ = self.draw(2 * num_images, seed)
        return drawn[:num_images], drawn[num_images:]

    def _members(self, device: torch.device) -> Tensor:
        """Say which component belongs to which class, (C, K)."""
        assert self.num_classes is not None
        classes = torch.arange(self.num_classes, device=device)
        return classes[:, None] == self.gaussians.classes_K.to(device)
