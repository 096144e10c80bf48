"""Classifier-free guidance: away from what the network denoises without the class."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_noise, vp_scale
from suites.samplers.guided import Guided, Network, labels_of, number_of_classes
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling


@variant(marks=["variation", "guidance"])
def classifier_free(
    problem: Sampling,
    *,
    setting: Setting,
    grid: str = "vp",
    scale: float = 1.0,
    batched: bool = True,
) -> Guided:
    """Ho and Salimans 2022 (arXiv:2207.12598), eq. 6, by DDIM's steps.

    `scale` is the paper's w: 0 is the conditional denoiser alone, one call a step. `batched` puts
    images with and without their label into one call of twice the batch; else these are two calls,
    and the budget has half as many steps.
    """
    num_classes = number_of_classes(problem)

    def guided(denoise: Network, x: Tensor, sigma: float, labels: Tensor) -> Tensor:
        """Extrapolate from D(x) through D(x | y)."""
        if scale == 0:
            return denoise(x, sigma, labels)
        if batched:
            both = torch.cat([labels, torch.full_like(labels, num_classes)])
            classed, plain = denoise(torch.cat([x, x]), sigma, both).chunk(2)
        else:
            classed, plain = denoise(x, sigma, labels), denoise(x, sigma)
        return torch.lerp(plain, classed, 1 + scale)

    def solve(denoise: Network, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Step towards the denoised images: DDIM on x = data + sigma noise."""
        labels = labels_of(noise, num_classes)
        for sigma, following in pairwise(sigmas):
            x = torch.lerp(x, guided(denoise, x, sigma, labels), 1 - following / sigma)
        return x

    def formula(denoise: Network, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Compute DDIM's eq. 12 with epsilon~ = (1 + w) epsilon(x, c) - w epsilon(x)."""
        labels, state = labels_of(noise, num_classes), x * vp_scale(sigmas[0])
        for sigma, following in pairwise(sigmas):
            alpha, alpha_next = vp_scale(sigma) ** 2, vp_scale(following) ** 2
            x = state / alpha**0.5
            epsilon = (1 + scale) * (x - denoise(x, sigma, labels)) / sigma
            epsilon = epsilon - scale * predict_noise(denoise, x, sigma)
            clean = (state - (1 - alpha) ** 0.5 * epsilon) / alpha**0.5
            state = alpha_next**0.5 * clean + (1 - alpha_next) ** 0.5 * epsilon
        return state / vp_scale(sigmas[-1])

    calls = 1 if batched or scale == 0 else 2
    return Guided(
        problem,
        setting,
        solve=solve,
        formula=formula,
        grid=grid,
        num_steps=problem.nfe // calls,
    )
