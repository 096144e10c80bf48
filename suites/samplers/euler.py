"""Euler's method on the probability-flow ODE."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_noise
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.sigmas import set_sigmas


@variant
def euler(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """Euler by diffusers, Karras et al. 2022 (arXiv:2206.00364), algorithm 1 without line 6-8."""
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    scheduler: Any = EulerDiscreteScheduler(
        prediction_type="epsilon",
        interpolation_type="linear",
        use_karras_sigmas=False,
        use_exponential_sigmas=False,
        use_beta_sigmas=False,
        timestep_spacing="linspace",
        timestep_type="discrete",
        steps_offset=0,
        rescale_betas_zero_snr=False,
        final_sigmas_type="zero",
    )
    scheduler.is_scale_input_called = True  # the denoiser takes the state unscaled

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        set_sigmas(scheduler, sigmas)
        for time, sigma in zip(scheduler.timesteps, sigmas, strict=False):
            x = scheduler.step(predict_noise(denoise, x, sigma), time, x).prev_sample
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Follow dx / d sigma = (x - D(x; sigma)) / sigma."""
        for sigma, following in pairwise(sigmas):
            x = x + (following - sigma) * predict_noise(denoise, x, sigma)
        return x

    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=1)
