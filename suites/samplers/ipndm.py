"""iPNDM: PNDM's linear multistep method, started by steps of lower order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_noise, vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.lagrange import adams_bashforth
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant(marks=["variation"])
def ipndm(problem: Sampling, *, setting: Setting, grid: str = "vp") -> Sampler:
    """Improved PNDM by diffusers, Zhang and Chen 2023 (arXiv:2204.13902), of PNDM's order.

    The weights are those of equal steps, whatever the grid: so the order is 2 and not 4. The
    scheduler takes v = alpha noise - sigma data (VP states).
    """
    from diffusers.schedulers.scheduling_ipndm import IPNDMScheduler

    scheduler: Any = IPNDMScheduler()

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        scheduler.set_timesteps(len(sigmas) - 1)
        alphas = [vp_scale(sigma) for sigma in sigmas]
        scheduler.alphas = torch.tensor(alphas, dtype=torch.float64)
        scheduler.betas = scheduler.alphas * torch.tensor(sigmas, dtype=torch.float64)
        scheduler.set_begin_index(0)
        state = x * alphas[0]
        for time, sigma, alpha in zip(scheduler.timesteps, sigmas, alphas, strict=False):
            clean = denoise(state / alpha, sigma)
            velocity = (state - clean / alpha) / sigma  # since alpha^2 (1 + sigma^2) = 1
            state = scheduler.step(velocity, time, state).prev_sample
        return state / alphas[-1]

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Mix the last predictions of the noise, and take DDIM's step with the mixture."""
        past: list[Tensor] = []
        for sigma, following in pairwise(sigmas):
            past = [predict_noise(denoise, x, sigma), *past][:4]
            x = x + (following - sigma) * adams_bashforth(past)
        return x

    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=2)
