"""Annealed Langevin dynamics: several steps on every noise level, from the loudest on (NCSN)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.samplers.families import predict_score
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant(marks=["variation", "stochastic"])
def annealed_langevin(
    problem: Sampling,
    *,
    setting: Setting,
    grid: str = "log",
    steps_per_level: int = 1,
    step_size: float = 0.2,
) -> Sampler:
    """NCSN, Song and Ermon 2019 (arXiv:1907.05600), algorithm 1; no library has it.

    `step_size` is epsilon / sigma_L^2: the paper's 2e-5 at its last level of .01 is .2. Its 100
    steps on 10 levels are 1000 evaluations; within few, more levels tell more than more steps.
    There is no last denoising: what is left of the noise is that of the last level.
    """
    if steps_per_level < 1:
        raise ValueError(f"expected steps_per_level of at least 1, got {steps_per_level}")
    num_levels = problem.nfe // steps_per_level
    if num_levels < 2:
        raise Unsupported(
            f"{steps_per_level} steps a level need an nfe of {2 * steps_per_level} for two levels"
        )

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Move to the denoised images by one share on all levels: alpha_i / sigma_i^2."""
        generators = noise.generators()
        for sigma in sigmas[:-1]:
            for _ in range(steps_per_level):
                z = noise.draw(generators).to(x.dtype)
                x = torch.lerp(x, denoise(x, sigma), step_size / 2)
                x = x.add_(z, alpha=sigma * math.sqrt(step_size))
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Write algorithm 1, line by line."""
        generators, levels = noise.generators(), sigmas[:-1]
        epsilon = step_size * levels[-1] ** 2
        for sigma in levels:
            alpha = epsilon * sigma**2 / levels[-1] ** 2
            for _ in range(steps_per_level):
                z = noise.draw(generators).to(x.dtype)
                x = x + alpha / 2 * predict_score(denoise, x, sigma) + alpha**0.5 * z
        return x

    return Sampler(
        problem, setting, solve=solve, formula=formula, grid=grid, order=None, num_steps=num_levels
    )
