"""KDPM2 ancestral: a midpoint step below the next level, and noise back up to it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from bench import Setting, variant
from suites.samplers.ancestral import down_and_up
from suites.samplers.families import predict_noise
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.sigmas import set_sigmas, twice


@variant(marks=["variation", "stochastic"])
def kdpm2_ancestral(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """KDPM2 ancestral by diffusers, Crowson's k-diffusion: the steps of `kdpm2`, with noise.

    Two evaluations a step, one in the step to sigma = 0: N steps cost 2 N - 1.
    """
    from diffusers.schedulers.scheduling_k_dpm_2_ancestral_discrete import (
        KDPM2AncestralDiscreteScheduler,
    )

    scheduler: Any = KDPM2AncestralDiscreteScheduler(
        num_train_timesteps=2,  # it is set up by a run over all of them, a second for 1000
        prediction_type="epsilon",
        use_karras_sigmas=False,
        use_exponential_sigmas=False,
        use_beta_sigmas=False,
        timestep_spacing="linspace",
        steps_offset=0,
    )

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        parts = [down_and_up(*step) for step in pairwise(sigmas)]
        middles = [(sigma * down) ** 0.5 for sigma, (down, _) in zip(sigmas, parts, strict=False)]
        set_sigmas(scheduler, sigmas)
        scheduler.sigmas = torch.tensor(twice(sigmas)[1:], dtype=torch.float64)
        scheduler.sigmas_interpol = torch.tensor(twice(middles), dtype=torch.float64)
        scheduler.sigmas_down, scheduler.sigmas_up = (
            torch.tensor(twice(own), dtype=torch.float64) for own in zip(*parts, strict=True)
        )
        generators = noise.generators()
        for pair in zip(sigmas, middles, strict=False):
            for sigma in filter(None, pair):  # the middle of the step to 0 is its end
                predicted = predict_noise(denoise, x, sigma)
                x = scheduler.step(
                    predicted, scheduler.timesteps[0], x, generator=generators
                ).prev_sample
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Take the slope of the geometric middle down, and add the noise that is missing."""
        generators = noise.generators()
        for sigma, following in pairwise(sigmas):
            down, up = down_and_up(sigma, following)
            slope = predict_noise(denoise, x, sigma)
            if down:
                middle = (sigma * down) ** 0.5
                slope = predict_noise(denoise, x + (middle - sigma) * slope, middle)
            x = x + (down - sigma) * slope + up * noise.draw(generators).to(x.dtype)
        return x

    steps = (problem.nfe + 1) // 2
    return Sampler(
        problem, setting, solve=solve, formula=formula, grid=grid, order=None, num_steps=steps
    )
