"""LMS: Adams and Bashforth's linear multistep method on an uneven grid."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_noise
from suites.samplers.ground import Denoise
from suites.samplers.lagrange import expect_order, lagrange_integrals, weighted
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.sigmas import set_sigmas

HIGHEST = 6  # beyond it Adams and Bashforth's method hardly bears a step


@variant(marks=["variation"])
def lms(problem: Sampling, *, setting: Setting, grid: str = "karras", order: int = 4) -> Sampler:
    """LMS by diffusers, Crowson's k-diffusion: Adams and Bashforth's method on an uneven grid.

    `order` slopes are interpolated, 1 or more; the first steps have fewer.
    """
    expect_order(order, 1, HIGHEST)
    from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler

    scheduler: Any = LMSDiscreteScheduler(
        prediction_type="sample",
        use_karras_sigmas=False,
        use_exponential_sigmas=False,
        use_beta_sigmas=False,
        timestep_spacing="linspace",
        steps_offset=0,
    )
    scheduler.is_scale_input_called = True  # the denoiser takes the state unscaled

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        set_sigmas(scheduler, sigmas)
        scheduler.sigmas = sigmas  # numbers: of tensors its quadrature takes ten times as long
        for time, sigma in zip(scheduler.timesteps, sigmas, strict=False):
            x = scheduler.step(denoise(x, sigma), time, x, order=order).prev_sample
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Integrate the polynomial through the last slopes dx / d sigma."""
        slopes: list[Tensor] = []
        for number, (sigma, following) in enumerate(pairwise(sigmas), start=1):
            slopes = [*slopes, predict_noise(denoise, x, sigma)][-order:]
            nodes = sigmas[number - len(slopes) : number]
            weights = lagrange_integrals(nodes, sigma, following)
            x = x + weighted(weights, slopes)
        return x

    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=order)
