"""DDIM: the deterministic subsequence sampler, and its stochastic neighbours."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import alphas_cumprod, predict_noise, vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant
def ddim(problem: Sampling, *, setting: Setting, grid: str = "vp", eta: float = 0.0) -> Sampler:
    """DDIM by diffusers, Song et al. 2021 (arXiv:2010.02502); `eta` = 1 is ancestral sampling."""
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    @cache
    def scheduler(sigmas: tuple[float, ...]) -> Any:
        made = DDIMScheduler(
            num_train_timesteps=len(sigmas) - 1,
            beta_schedule="linear",
            clip_sample=False,
            set_alpha_to_one=True,
            steps_offset=0,
            prediction_type="epsilon",
            thresholding=False,
            timestep_spacing="leading",
            rescale_betas_zero_snr=False,
        )
        made.alphas_cumprod = alphas_cumprod(list(sigmas))
        made.final_alpha_cumprod = made.alphas_cumprod.new_tensor(1 / (1 + sigmas[-1] ** 2))
        return made

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        made = scheduler(tuple(sigmas))
        made.set_timesteps(len(sigmas) - 1)
        state, generators = x * vp_scale(sigmas[0]), noise.generators() if eta else []
        for time, sigma in zip(made.timesteps.tolist(), sigmas, strict=False):
            predicted = predict_noise(denoise, state / vp_scale(sigma), sigma)
            added = noise.draw(generators).to(x.dtype) if eta else None
            state = made.step(predicted, time, state, eta=eta, variance_noise=added).prev_sample
        return state / vp_scale(sigmas[-1])

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Compute eq. 12 with the sigma_t of eq. 16, from x_T to x_0."""
        state, generators = x * vp_scale(sigmas[0]), noise.generators() if eta else []
        for sigma, following in pairwise(sigmas):
            alpha, alpha_next = vp_scale(sigma) ** 2, vp_scale(following) ** 2
            predicted = predict_noise(denoise, state / alpha**0.5, sigma)
            clean = (state - (1 - alpha) ** 0.5 * predicted) / alpha**0.5
            spread = eta * ((1 - alpha_next) / (1 - alpha) * (1 - alpha / alpha_next)) ** 0.5
            state = alpha_next**0.5 * clean + (1 - alpha_next - spread**2) ** 0.5 * predicted
            if eta:
                state = state + spread * noise.draw(generators).to(x.dtype)
        return state / vp_scale(sigmas[-1])

    return Sampler(
        problem, setting, solve=solve, formula=formula, grid=grid, order=None if eta else 1
    )
