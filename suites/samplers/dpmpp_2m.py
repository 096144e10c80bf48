"""DPM-Solver++(2M): a two-step exponential integrator of the data prediction."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.multistep import PINNED, SPACED, ended, multistep
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant
def dpmpp_2m(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """DPM-Solver++(2M) by diffusers, Lu et al. 2022 (arXiv:2211.01095), algorithm 2."""
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    def scheduler(to_data: bool) -> Any:
        return DPMSolverMultistepScheduler(
            **PINNED,
            **SPACED,
            **ended(to_data),
            solver_order=2,
            algorithm_type="dpmsolver++",
            solver_type="midpoint",
            euler_at_final=False,
            use_lu_lambdas=False,
        )

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Extrapolate D to the middle of each step in lambda = -log sigma (VP states)."""
        state, before, last_step = x * vp_scale(sigmas[0]), None, 0.0
        for sigma, following in pairwise(sigmas):
            alpha, alpha_next = vp_scale(sigma), vp_scale(following)
            clean = denoise(state / alpha, sigma)
            extrapolated = clean
            step = math.log(sigma / following) if following else math.inf
            if before is not None and following:
                ratio = last_step / step
                extrapolated = (1 + 1 / (2 * ratio)) * clean - 1 / (2 * ratio) * before
            shrink = alpha_next * following / (alpha * sigma)
            state = shrink * state - alpha_next * math.expm1(-step) * extrapolated
            before, last_step = clean, step
        return state / vp_scale(sigmas[-1])

    return Sampler(
        problem, setting, solve=multistep(scheduler), formula=formula, grid=grid, order=2
    )
