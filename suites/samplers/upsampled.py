"""A ground at twice its resolution: every pixel becomes a block of 2 x 2, with a little noise.

The noise is independent of the image and sums to 0 over a block, so that the means of blocks are
the images of the ground itself, and all that is known of them stays known.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from suites.samplers.ground import Denoise, DenoiseClass, Ground, Progress
from suites.samplers.moments import Moments

SIDE = 2  # pixels of a block
NOISE_STREAM = 1 << 21  # keeps the seeds of what is added apart from those of images


def block_means(x_BCHW: Tensor) -> Tensor:
    """Average over blocks: of x = data + sigma noise the noise that is left is sigma / 2."""
    return F.avg_pool2d(x_BCHW, SIDE)


def repeated(x_BCHW: Tensor) -> Tensor:
    """Fill blocks with one value each."""
    return x_BCHW.repeat_interleave(SIDE, -1).repeat_interleave(SIDE, -2)


class Upsampled(Ground):
    """The images of `small` (C, H, W) repeated, plus noise of standard deviation `spread`."""

    exact = True

    def __init__(self, small: Ground, spread: float):
        channels, height, width = small.shape
        self.shape = (channels, SIDE * height, SIDE * width)
        self.small, self.spread, self.num_classes = small, spread, small.num_classes

    def provision(self, progress: Progress) -> None:
        self.small.provision(progress)

    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return E[x0 | x]: the small ground's of the means, and the rest, a Gaussian, shrunk."""
        small = self.small.denoiser(dtype, device)
        return lambda x, sigma: self._joined(x, sigma, small(block_means(x), sigma / SIDE))

    def coarse(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        return self.small.denoiser(dtype, device)

    def conditional(self, dtype: torch.dtype, device: torch.device) -> DenoiseClass:
        small = self.small.conditional(dtype, device)
        return lambda x, sigma, labels: self._joined(
            x, sigma, small(block_means(x), sigma / SIDE, labels)
        )

    def class_log_probabilities(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        small = self.small.class_log_probabilities(dtype, device)
        return lambda x, sigma: small(block_means(x), sigma / SIDE)

    def _joined(self, x: Tensor, sigma: float, means: Tensor) -> Tensor:
        kept = self.spread**2 / (self.spread**2 + sigma**2)
        return repeated(means) + kept * (x - repeated(block_means(x)))

    def moments(self, label: int | None = None) -> Moments | None:
        """Return A m and A C A^T + spread^2 (1 - A A^T / 4), where A repeats."""
        known = self.small.moments(label)
        if known is None:
            return None
        pixels = torch.eye(len(known.mean), dtype=torch.float64).unflatten(1, self.small.shape)
        repeats = repeated(pixels).flatten(1).T
        within = torch.eye(len(repeats), dtype=torch.float64) - repeats @ repeats.T / SIDE**2
        covariance = repeats @ known.covariance @ repeats.T + self.spread**2 * within
        return Moments(repeats @ known.mean, covariance)

    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        one, other = (repeated(images) for images in self.small.halves(num_images, seed))
        generator = torch.Generator().manual_seed(NOISE_STREAM + seed)
        noise = torch.randn(2, *one.shape, generator=generator, dtype=torch.float64)
        noise = noise - repeated(block_means(noise.flatten(0, 1))).reshape(noise.shape)
        return one + self.spread * noise[0], other + self.spread * noise[1]
