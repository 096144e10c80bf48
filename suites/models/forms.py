"""What else a network may predict than EDM's: the noise, the image, and two kinds of velocity.

States: VP is x / sqrt(1 + sigma^2), flow x / (1 + sigma); x = data + sigma noise. All networks are
told the noise level alike, so that forms differ in what they predict and learn at alone.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from suites.models.edm import Form, log_normal

LEAST, MOST = 0.002, 80.0  # of noise levels: all that a sampler visits


def _cosine(count: int, generator: torch.Generator) -> Tensor:
    """Draw even times of the cosine schedule, sigma = tan(pi t / 2), Salimans and Ho 2022."""
    low, high = math.atan(LEAST), math.atan(MOST)
    return (low + (high - low) * torch.rand(count, generator=generator)).tan()


def _uniform(count: int, generator: torch.Generator) -> Tensor:
    """Draw even times of the flow, sigma = t / (1 - t)."""
    low, high = LEAST / (1 + LEAST), MOST / (1 + MOST)
    time = low + (high - low) * torch.rand(count, generator=generator)
    return time / (1 - time)


def _epsilon(sigma: Tensor, data: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the scales of D = x - sigma epsilon."""
    return torch.ones_like(sigma), -sigma, (1 + sigma**2).rsqrt()


def _image(sigma: Tensor, data: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the scales of D itself."""
    return torch.zeros_like(sigma), torch.ones_like(sigma), (1 + sigma**2).rsqrt()


def _velocity(sigma: Tensor, data: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the scales of D = alpha x_t - sigma_t v, v = alpha epsilon - sigma_t x0."""
    alpha = (1 + sigma**2).rsqrt()
    return alpha**2, -sigma * alpha, alpha


def _flow(sigma: Tensor, data: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the scales of D = x_t - t v, v = noise - data, t = sigma / (1 + sigma)."""
    return 1 / (1 + sigma), -sigma / (1 + sigma), 1 / (1 + sigma)


# Ho et al. 2020 (arXiv:2006.11239), eq. 14; Salimans and Ho 2022 (arXiv:2202.00512), section 4
EPSILON = Form("eps", _epsilon, _cosine)
IMAGE = Form("x0", _image, _cosine)
VELOCITY = Form("v", _velocity, _cosine)
# Esser et al. 2024 (arXiv:2403.03206), eq. 19: logit t, which is log sigma, is standard normal
FLOW = Form("flow", _flow, log_normal(0.0, 1.0))
FLOW_UNIFORM = replace(FLOW, name="flow_uniform", levels=_uniform)  # Lipman et al. 2023
