"""KDPM2: DPM-Solver-2 as a midpoint rule in x = data + sigma noise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_noise
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler
from suites.samplers.sigmas import set_sigmas, twice


@variant(marks=["variation"])
def kdpm2(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """KDPM2 by diffusers, Crowson's k-diffusion after Lu et al. 2022 (arXiv:2206.00927), alg. 1.

    Two evaluations a step, one in the step to sigma = 0: N steps cost 2 N - 1.
    """
    from diffusers.schedulers.scheduling_k_dpm_2_discrete import KDPM2DiscreteScheduler

    scheduler: Any = KDPM2DiscreteScheduler(
        num_train_timesteps=2,  # it is set up by a run over all of them, a second for 1000
        prediction_type="epsilon",
        use_karras_sigmas=False,
        use_exponential_sigmas=False,
        use_beta_sigmas=False,
        timestep_spacing="linspace",
        steps_offset=0,
    )

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        middles = [(sigma * following) ** 0.5 for sigma, following in pairwise(sigmas)]
        set_sigmas(scheduler, sigmas)
        scheduler.sigmas = torch.tensor(twice(sigmas)[1:], dtype=torch.float64)
        scheduler.sigmas_interpol = torch.tensor(twice(middles), dtype=torch.float64)
        for pair in zip(sigmas, middles, strict=False):
            for sigma in filter(None, pair):  # the middle of the step to 0 is its end
                predicted = predict_noise(denoise, x, sigma)
                x = scheduler.step(predicted, scheduler.timesteps[0], x).prev_sample
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Take the slope of the geometric middle, where lambda = -log sigma is halfway."""
        for sigma, following in pairwise(sigmas):
            slope = predict_noise(denoise, x, sigma)
            if following:
                middle = (sigma * following) ** 0.5
                slope = predict_noise(denoise, x + (middle - sigma) * slope, middle)
            x = x + (following - sigma) * slope
        return x

    steps = (problem.nfe + 1) // 2
    return Sampler(
        problem, setting, solve=solve, formula=formula, grid=grid, order=2, num_steps=steps
    )
