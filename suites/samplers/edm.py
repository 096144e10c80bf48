"""EDM's stochastic sampler: Heun's method, with noise added before each step (churn)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from bench import Setting, variant
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant(marks=["variation", "stochastic"])
def edm(
    problem: Sampling,
    *,
    setting: Setting,
    grid: str = "karras",
    s_churn: float = 40.0,
    s_min: float = 0.05,
    s_max: float = 50.0,
    s_noise: float = 1.003,
) -> Sampler:
    """EDM with churn, Karras et al. 2022 (arXiv:2206.00364), algorithm 2; no library has it.

    The options' defaults are table 5's for ImageNet-64; `s_churn` = 0 is Heun's method. Two
    evaluations a step, one in the last: N steps cost 2 N - 1.
    """

    def churned(sigma: float, num_steps: int) -> float:
        """Return t^ = t + gamma t, the level that noise is added up to (lines 4 and 6)."""
        inside = s_min <= sigma <= s_max
        return sigma * (1 + min(s_churn / num_steps, math.sqrt(2) - 1)) if inside else sigma

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Interpolate between state and denoised images, which saves the slopes' divisions."""
        generators = noise.generators()
        for sigma, following in pairwise(sigmas):
            above = churned(sigma, len(sigmas) - 1)
            if above > sigma:
                added = noise.draw(generators).to(x.dtype)
                x = x.add(added, alpha=s_noise * math.sqrt(above**2 - sigma**2))
            clean = denoise(x, above)
            ahead = torch.lerp(x, clean, 1 - following / above)
            if following == sigmas[-1]:
                return ahead
            farther = torch.lerp(ahead, denoise(ahead, following), above / following - 1)
            x = torch.lerp(x, farther, 0.5)  # a step along each slope from here, halved
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Write algorithm 2 line by line, with sigma(t) = t."""
        num_steps, generators = len(sigmas) - 1, noise.generators()
        for t, t_next in pairwise(sigmas):
            gamma = min(s_churn / num_steps, 2**0.5 - 1) if s_min <= t <= s_max else 0.0
            t_hat, x_hat = t + gamma * t, x
            if gamma:
                epsilon = s_noise * noise.draw(generators).to(x.dtype)
                x_hat = x + (t_hat**2 - t**2) ** 0.5 * epsilon
            d = (x_hat - denoise(x_hat, t_hat)) / t_hat
            x = x_hat + (t_next - t_hat) * d
            if t_next != sigmas[-1]:
                d_next = (x - denoise(x, t_next)) / t_next
                x = x_hat + (t_next - t_hat) * (d / 2 + d_next / 2)
        return x

    return Sampler(
        problem,
        setting,
        solve=solve,
        formula=formula,
        grid=grid,
        order=None if s_churn else 2,
        num_steps=(problem.nfe + 1) // 2,
    )
