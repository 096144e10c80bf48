"""Improved DDPM: ancestral sampling on the cosine schedule, with a learned variance."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from bench import Setting, variant
from suites.samplers.denoising_error import denoising_error
from suites.samplers.families import predict_noise, vp_scale
from suites.samplers.ground import Denoise, Progress
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.respaced import respaced
from suites.samplers.sampler import Sampler


def provision(problem: Sampling, progress: Progress, **options: object) -> None:
    """Fit the variance, unless that was done: seconds, or a minute on a trained network."""
    denoising_error(problem.loaded, problem.ground, progress)


@variant(marks=["variation", "stochastic", "full count"], provision=provision)
def improved_ddpm(problem: Sampling, *, setting: Setting, grid: str = "cosine") -> Sampler:
    """Improved DDPM by diffusers, Nichol and Dhariwal 2021 (arXiv:2102.09672), eq. 15 and 17.

    A network's v would depend on the image too, and be trained at the full count of steps; this v
    depends on the step alone, and is the minimum of the variational bound on the visited grid.
    """
    error = denoising_error(problem.loaded, problem.ground)

    scheduler = respaced("learned_range")

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        made = scheduler(tuple(sigmas))
        made.set_timesteps(len(sigmas) - 1)
        state, generators = x * vp_scale(sigmas[0]), noise.generators()
        for time, (sigma, following) in zip(made.timesteps.tolist(), pairwise(sigmas), strict=True):
            predicted = predict_noise(denoise, state / vp_scale(sigma), sigma)
            v = torch.full_like(predicted, 2 * learned_v(error, sigma, following) - 1)
            answer = torch.cat([predicted, v], 1)  # as a network with twice the channels answers
            state = made.step(answer, time, state, generator=generators).prev_sample
        return state / vp_scale(sigmas[-1])

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Compute eq. 10 to 12 with the variance of eq. 15; the last step adds no noise."""
        state, generators = x * vp_scale(sigmas[0]), noise.generators()
        for sigma, following in pairwise(sigmas):
            alpha_bar, before = vp_scale(sigma) ** 2, vp_scale(following) ** 2
            beta = 1 - alpha_bar / before
            clean = denoise(state / alpha_bar**0.5, sigma)
            state = (
                before**0.5 * beta / (1 - alpha_bar) * clean
                + (1 - beta) ** 0.5 * (1 - before) / (1 - alpha_bar) * state
            )
            if following != sigmas[-1]:
                v = learned_v(error, sigma, following)
                beta_tilde = (1 - before) / (1 - alpha_bar) * beta
                variance = math.exp(v * math.log(beta) + (1 - v) * math.log(beta_tilde))
                state = state + variance**0.5 * noise.draw(generators).to(x.dtype)
        return state / vp_scale(sigmas[-1])

    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=None)


def learned_v(error: Callable[[float], float], sigma: float, following: float) -> float:
    """Return the v in [0, 1] of eq. 15 that minimises this step's term of L_vlb.

    The term is log s + (beta~ + c^2 e) / (2 s^2) a coordinate, e the mean square error of the
    predicted x0 and c its weight in the mean of q(x_t-1 | x_t, x0): the least is at
    s^2 = beta~ + c^2 e, which Bao et al. 2022 (arXiv:2201.06503, theorem 1) derive as well.
    """
    if following == 0:
        return 0.0  # beta~ is 0, and no noise is added
    alpha_bar, before = vp_scale(sigma) ** 2, vp_scale(following) ** 2
    beta = 1 - alpha_bar / before
    beta_tilde = (1 - before) / (1 - alpha_bar) * beta
    weight = before**0.5 * beta / (1 - alpha_bar)
    best = beta_tilde + weight**2 * error(sigma)
    v = math.log(best / beta_tilde) / math.log(beta / beta_tilde)
    return min(max(v, 0.0), 1.0)
