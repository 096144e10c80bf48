"""PNDM: linear multistep weights on DDIM's step, so that states stay where training had them."""

from __future__ import annotations

from functools import cache
from itertools import chain, pairwise
from typing import Any

import torch
from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.samplers.families import predict_noise, vp_scale
from suites.samplers.grids import grid_named
from suites.samplers.ground import Denoise
from suites.samplers.lagrange import adams_bashforth
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler

WARM_UP = 3  # steps by Runge and Kutta, four evaluations each


@variant(marks=["variation"])
def pndm(
    problem: Sampling, *, setting: Setting, grid: str = "vp", skip_prk: bool = True
) -> Sampler:
    """PNDM by diffusers, Liu et al. 2022 (arXiv:2202.09778), of second order.

    `skip_prk` starts by one step of Heun's (N steps cost N + 1 evaluations), as Stable Diffusion
    does; else three pseudo Runge-Kutta steps come first, as in algorithm 2 (N + 9). The scheduler
    counts on a table of twice as many levels: those in the middle of steps are its odd ones.
    """
    from diffusers.schedulers.scheduling_pndm import PNDMScheduler

    steps = problem.nfe - (1 if skip_prk else 9)
    if not skip_prk and steps <= WARM_UP:
        raise Unsupported(f"Runge-Kutta steps first: expected nfe of 13 or more, got {problem.nfe}")

    between = grid_named(grid).between

    @cache
    def scheduler(sigmas: tuple[float, ...]) -> tuple[Any, list[float]]:
        made = PNDMScheduler(
            num_train_timesteps=2 * len(sigmas) - 2,
            skip_prk_steps=skip_prk,
            set_alpha_to_one=True,
            prediction_type="epsilon",
            timestep_spacing="leading",
            steps_offset=0,
        )
        middles = [between(2, *step)[1] for step in pairwise(sigmas[:-1])]
        levels = [*chain(*zip(sigmas, middles, strict=False)), sigmas[-2]][::-1]
        made.alphas_cumprod = 1 / (1 + torch.tensor(levels, dtype=torch.float64) ** 2)
        made.final_alpha_cumprod = made.alphas_cumprod.new_tensor(1 / (1 + sigmas[-1] ** 2))
        return made, levels

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        made, levels = scheduler(tuple(sigmas))
        made.set_timesteps(len(sigmas) - 1)
        state = x * vp_scale(sigmas[0])
        for time in made.timesteps.tolist():
            sigma = levels[time]
            predicted = predict_noise(denoise, state / vp_scale(sigma), sigma)
            state = made.step(predicted, time, state).prev_sample
        return state / vp_scale(sigmas[-1])

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Compute eq. 12 and 13; DDIM's step (eq. 9) is straight in x = data + sigma noise."""
        past: list[Tensor] = []
        for number, (sigma, following) in enumerate(pairwise(sigmas)):
            past = [predict_noise(denoise, x, sigma), *past][:4]
            mixed = adams_bashforth(past)
            if skip_prk and number == 0 and len(sigmas) > 2:
                mixed = _heun(denoise, x, past[0], sigma, following)
            elif not skip_prk and number < WARM_UP:
                middle = between(2, sigma, following)[1]
                mixed = _runge_kutta(denoise, x, past[0], sigma, middle, following)
            x = x + (following - sigma) * mixed
        return x

    return Sampler(
        problem, setting, solve=solve, formula=formula, grid=grid, order=2, num_steps=steps
    )


def _heun(denoise: Denoise, x: Tensor, first: Tensor, sigma: float, following: float) -> Tensor:
    """Mix the predictions at both ends of a step."""
    ahead = predict_noise(denoise, x + (following - sigma) * first, following)
    return (first + ahead) / 2


def _runge_kutta(
    denoise: Denoise, x: Tensor, first: Tensor, sigma: float, middle: float, following: float
) -> Tensor:
    """Mix four predictions, two of them in the middle of the step (eq. 13)."""
    second = predict_noise(denoise, x + (middle - sigma) * first, middle)
    third = predict_noise(denoise, x + (middle - sigma) * second, middle)
    fourth = predict_noise(denoise, x + (following - sigma) * third, following)
    return (first + 2 * second + 2 * third + fourth) / 6
