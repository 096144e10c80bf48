"""The U-Net of `unet` at twice the sides that it was trained at: 16 x 16 for the digits.

Its layers take images of any even sides, and what it makes of them is its own affair: it has seen
strokes of one pixel, and is shown strokes of two. Real images are the digits, every pixel repeated.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suites.samplers.ground import Denoise, Ground, Progress
from suites.samplers.grounds import unet
from suites.samplers.trained import Trained
from suites.samplers.upsampled import SIDE, repeated


class Enlarged(Ground):
    """A network that was trained on the images of `small`, on states of twice their sides."""

    def __init__(self, small: Trained):
        channels, height, width = small.shape
        self.small, self.shape = small, (channels, SIDE * height, SIDE * width)

    def provision(self, progress: Progress) -> None:
        self.small.provision(progress)

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        return self.small.denoiser(dtype, device)

    def coarse(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        return self.small.denoiser(dtype, device)

    def denoising_network(self, dtype: torch.dtype, device: torch.device) -> nn.Module:
        return self.small.denoising_network(dtype, device)

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        real, other = self.small.halves(num_images, seed)
        return repeated(real), repeated(other)


def ground(data: str | None = None) -> Enlarged:
    """Return the ground over the digits, or over a user's images of even sides, enlarged."""
    return Enlarged(unet.ground(data))
