"""EDM: a network as a denoiser D(x; sigma), and the loss that trains it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LOG_SIGMA_MEAN, LOG_SIGMA_STD = -1.2, 1.2  # of the noise levels trained on, Karras et al., table 1


class Preconditioned(nn.Module):
    """D(x; sigma) = c_skip x + c_out F(c_in x; c_noise), Karras et al. 2022 (arXiv:2206.00364).

    Equation 7 with the coefficients of table 1; `network(x, c_noise)` is F, and `sigma_data` the
    standard deviation of the data.
    """

    sigma_data: Tensor

    def __init__(self, network: nn.Module, sigma_data: float):
        super().__init__()
        self.network = network
        self.register_buffer("sigma_data", torch.tensor(sigma_data))

    def forward(self, x: Tensor, sigma_B: Tensor, *condition: Tensor) -> Tensor:
        """Estimate the clean images of x (B, ...) at noise levels sigma (B,).

        What the network is conditioned on besides goes to it as it is.
        """
        sigma = sigma_B.reshape(-1, *[1] * (x.ndim - 1))
        data = self.sigma_data
        total = (sigma**2 + data**2).sqrt()
        answer = self.network(x / total, sigma_B.log() / 4, *condition)
        return (data / total) ** 2 * x + sigma * data / total * answer


def loss(
    denoiser: Preconditioned, images: Tensor, generator: torch.Generator, *condition: Tensor
) -> Tensor:
    """Draw a noise level and noise for each image; return the weighted square error (eq. 2, 8)."""
    normal = torch.randn(len(images), generator=generator)
    sigma_B = (LOG_SIGMA_MEAN + LOG_SIGMA_STD * normal).exp()
    noise = torch.randn(images.shape, generator=generator)
    sigma = sigma_B.reshape(-1, *[1] * (images.ndim - 1))
    weight = (sigma**2 + denoiser.sigma_data**2) / (sigma * denoiser.sigma_data) ** 2
    return (weight * (denoiser(images + sigma * noise, sigma_B, *condition) - images) ** 2).mean()
