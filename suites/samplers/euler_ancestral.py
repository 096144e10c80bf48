"""Euler ancestral: a step of Euler's below the next level, and noise back up to it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.ancestral import down_and_up
from suites.samplers.families import predict_noise
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.sigmas import set_sigmas


@variant(marks=["variation", "stochastic"])
def euler_ancestral(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """Euler ancestral by diffusers, Crowson's k-diffusion: Song et al. 2021, appendix F, eq. 47.

    Its steps have the variance of DDPM's posterior.
    """
    from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
        EulerAncestralDiscreteScheduler,
    )

    scheduler: Any = EulerAncestralDiscreteScheduler(
        prediction_type="epsilon",
        timestep_spacing="linspace",
        steps_offset=0,
        rescale_betas_zero_snr=False,
    )
    scheduler.is_scale_input_called = True  # the denoiser takes the state unscaled

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        set_sigmas(scheduler, sigmas)
        generators = noise.generators()
        for time, sigma in zip(scheduler.timesteps, sigmas, strict=False):
            predicted = predict_noise(denoise, x, sigma)
            x = scheduler.step(predicted, time, x, generator=generators).prev_sample
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Follow the slope down, and add the noise that is missing."""
        generators = noise.generators()
        for sigma, following in pairwise(sigmas):
            down, up = down_and_up(sigma, following)
            x = x + (down - sigma) * predict_noise(denoise, x, sigma)
            x = x + up * noise.draw(generators).to(x.dtype)
        return x

    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=None)
