"""EDM: a network as a denoiser D(x; sigma), and the loss that trains it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

LOG_SIGMA_MEAN, LOG_SIGMA_STD = -1.2, 1.2  # of the noise levels trained on, Karras et al., table 1


@dataclass(frozen=True)
class Form:
    """What a network predicts, and at which noise levels it learns to; see `suites.models.forms`.

    `scales(sigma, sigma_data)` are c_skip, c_out and c_in of eq. 7, `levels(count, generator)`
    draws sigma (count,).
    """

    name: str
    scales: Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
    levels: Callable[[int, torch.Generator], Tensor]


def _scales(sigma: Tensor, data: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    total = (sigma**2 + data**2).sqrt()
    return (data / total) ** 2, sigma * data / total, 1 / total


def log_normal(mean: float, std: float) -> Callable[[int, torch.Generator], Tensor]:
    """Draw noise levels whose logarithm is normal."""

    def levels(count: int, generator: torch.Generator) -> Tensor:
        return (mean + std * torch.randn(count, generator=generator)).exp()

    return levels


EDM = Form("edm", _scales, log_normal(LOG_SIGMA_MEAN, LOG_SIGMA_STD))


class Preconditioned(nn.Module):
    """D(x; sigma) = c_skip x + c_out F(c_in x; c_noise), Karras et al. 2022 (arXiv:2206.00364).

    Equation 7, with the scales of table 1 or of another form; `network(x, c_noise)` is F, and
    `sigma_data` the standard deviation of the data.
    """

    sigma_data: Tensor

    def __init__(self, network: nn.Module, sigma_data: float, form: Form = EDM):
        super().__init__()
        self.network, self.form = network, form
        self.register_buffer("sigma_data", torch.tensor(sigma_data))

    def forward(self, x: Tensor, sigma_B: Tensor, *condition: Tensor) -> Tensor:
        """Estimate the clean images of x (B, ...) at noise levels sigma (B,).

        What the network is conditioned on besides goes to it as it is.
        """
        skip, out, scale_in = self.scales(x, sigma_B)
        return skip * x + out * self.network(scale_in * x, sigma_B.log() / 4, *condition)

    def scales(self, x: Tensor, sigma_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return c_skip, c_out and c_in, each (B, 1, ...)."""
        return self.form.scales(sigma_B.reshape(-1, *[1] * (x.ndim - 1)), self.sigma_data)


def loss(
    denoiser: Preconditioned, images: Tensor, generator: torch.Generator, *condition: Tensor
) -> Tensor:
    """Draw a noise level and noise for each image; return the weighted square error (eq. 2, 8).

    Weighted by 1 / c_out^2 it is the square error of F itself: of whatever a form predicts.
    """
    sigma_B = denoiser.form.levels(len(images), generator)
    noise = torch.randn(images.shape, generator=generator)
    noisy = images + sigma_B.reshape(-1, *[1] * (images.ndim - 1)) * noise
    _, out, _ = denoiser.scales(images, sigma_B)
    return (((denoiser(noisy, sigma_B, *condition) - images) / out) ** 2).mean()
