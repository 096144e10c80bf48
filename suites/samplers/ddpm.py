"""DDPM: ancestral sampling, one network evaluation and one draw of noise a step."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_noise, vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.respaced import respaced
from suites.samplers.sampler import Sampler


@variant(marks=["stochastic", "full count"])
def ddpm(problem: Sampling, *, setting: Setting, grid: str = "vp") -> Sampler:
    """DDPM by diffusers, Ho et al. 2020 (arXiv:2006.11239), the smaller of its two variances.

    Fewer steps than 1000 respace the process (Nichol and Dhariwal 2021, arXiv:2102.09672,
    section 4): its table is the grid. The scheduler draws its noise from a generator an image.
    """
    scheduler = respaced("fixed_small")

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        made = scheduler(tuple(sigmas))
        made.set_timesteps(len(sigmas) - 1)
        state, generators = x * vp_scale(sigmas[0]), noise.generators()
        for time, sigma in zip(made.timesteps.tolist(), sigmas, strict=False):
            predicted = predict_noise(denoise, state / vp_scale(sigma), sigma)
            state = made.step(predicted, time, state, generator=generators).prev_sample
        return state / vp_scale(sigmas[-1])

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Compute algorithm 2 with the mean and the variance of the posterior, eq. 7."""
        state, generators = x * vp_scale(sigmas[0]), noise.generators()
        for sigma, following in pairwise(sigmas):
            alpha_bar, before = vp_scale(sigma) ** 2, vp_scale(following) ** 2
            beta = 1 - alpha_bar / before
            predicted = predict_noise(denoise, state / alpha_bar**0.5, sigma)
            clean = (state - (1 - alpha_bar) ** 0.5 * predicted) / alpha_bar**0.5
            state = (
                before**0.5 * beta / (1 - alpha_bar) * clean
                + (1 - beta) ** 0.5 * (1 - before) / (1 - alpha_bar) * state
            )
            if following != sigmas[-1]:
                variance = (1 - before) / (1 - alpha_bar) * beta
                state = state + variance**0.5 * noise.draw(generators).to(x.dtype)
        return state / vp_scale(sigmas[-1])

    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=None)
