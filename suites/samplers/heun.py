"""Heun's method on the probability-flow ODE: EDM's sampler without churn."""

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
def heun(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """Heun by diffusers, Karras et al. 2022 (arXiv:2206.00364), algorithm 1.

    Two evaluations a step, one in the last: N steps cost 2 N - 1.
    """
    from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler

    scheduler: Any = HeunDiscreteScheduler(
        prediction_type="epsilon",
        use_karras_sigmas=False,
        use_exponential_sigmas=False,
        use_beta_sigmas=False,
        clip_sample=False,
        timestep_spacing="linspace",
        steps_offset=0,
    )

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        # the scheduler counts evaluations: every inner level is met twice, as an end and a start
        inner = [sigma for sigma in sigmas[1:-1] for _ in range(2)]
        set_sigmas(scheduler, [sigmas[0], *inner, sigmas[-1]])
        visited = [sigmas[0], *inner]
        for time, sigma in zip(scheduler.timesteps, visited, strict=False):
            x = scheduler.step(predict_noise(denoise, x, sigma), time, x).prev_sample
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Average the slopes at both ends of a step, but for the last."""
        for sigma, following in pairwise(sigmas):
            slope = predict_noise(denoise, x, sigma)
            ahead = x + (following - sigma) * slope
            if following == sigmas[-1]:
                return ahead
            slope_ahead = predict_noise(denoise, ahead, following)
            x = x + (following - sigma) * (slope + slope_ahead) / 2
        return x

    steps = (problem.nfe + 1) // 2
    return Sampler(
        problem, setting, solve=solve, formula=formula, grid=grid, order=2, num_steps=steps
    )
