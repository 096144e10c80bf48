"""One denoiser, every family: the same D(x; sigma) as predictor of noise, score or velocity.

States: `x` is data + sigma noise; VP scales it by 1 / sqrt(1 + sigma^2), flow by 1 / (1 + sigma).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suites.samplers.ground import Denoise


def vp_scale(sigma: float) -> float:
    """Return alpha = 1 / sqrt(1 + sigma^2) of a variance-preserving process."""
    return 1 / math.sqrt(1 + sigma**2)


def predict_noise(denoise: Denoise, x: Tensor, sigma: float) -> Tensor:
    """Return the noise in x = data + sigma noise: (x - D(x; sigma)) / sigma."""
    return (x - denoise(x, sigma)) / sigma


def predict_score(denoise: Denoise, x: Tensor, sigma: float) -> Tensor:
    """Return grad log p(x; sigma) = (D(x; sigma) - x) / sigma^2, of x = data + sigma noise."""
    return (denoise(x, sigma) - x) / sigma**2


def predict_velocity(denoise: Denoise, x_flow: Tensor, time: float) -> Tensor:
    """Return noise - data at x = (1 - t) data + t noise: (x - D) / t, D at sigma = t / (1 - t)."""
    return (x_flow - denoise(x_flow / (1 - time), time / (1 - time))) / time


def alphas_cumprod(sigmas: list[float]) -> Tensor:
    """Return a VP table for diffusers, index 0 the cleanest: 1 / (1 + sigma^2), float64.

    The grid is the whole table, so that every entry is one step and none falls between two.
    """
    levels = torch.tensor(sigmas[:-1][::-1], dtype=torch.float64)
    return 1 / (1 + levels**2)
