"""The ideal denoiser of a finite set of images: it knows them all, and can only repeat them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from suites.models.digits import load_images
from suites.samplers.ground import Denoise, Ground
from suites.samplers.real import disjoint_halves


@dataclass(frozen=True)
class Posterior(Ground):
    """Equally likely images (n, C, H, W), float64."""

    images: Tensor

    exact: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(self.images.shape[1:])

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return the images' mean, weighted by likelihood (Karras et al. 2022, eq. 57)."""
        known = self.images.flatten(1).to(device, dtype)
        half_squares = known.square().sum(-1) / 2

        def denoise(x: Tensor, sigma: float) -> Tensor:
            likelihoods = ((x.flatten(1) @ known.T - half_squares) / sigma**2).softmax(-1)
            return (likelihoods @ known).reshape(x.shape)

        return denoise

    def nearest(self, x: Tensor) -> Tensor:
        """Return the number of the image nearest to each x, (B,)."""
        return torch.cdist(x.flatten(1).double(), self.images.flatten(1)).argmin(-1)

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        return disjoint_halves(self.images, num_images, seed)


def ground(data: str | None = None) -> Posterior:
    """Return the posterior over the digits, or over a user's images."""
    return Posterior(load_images(data).pixels.double())
