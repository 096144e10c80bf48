"""SDE-DPM-Solver++(2M): the two-step integrator, on the reverse SDE."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.samplers.ground import Denoise
from suites.samplers.multistep import PINNED, SPACED, ended, multistep
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant(marks=["variation", "stochastic"])
def dpmpp_sde(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """SDE-DPM-Solver++(2M) by diffusers, Lu et al. 2022 (arXiv:2211.01095), appendix."""
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    def scheduler(to_data: bool) -> Any:
        return DPMSolverMultistepScheduler(
            **PINNED,
            **SPACED,
            **ended(to_data),
            solver_order=2,
            algorithm_type="sde-dpmsolver++",
            solver_type="midpoint",
            euler_at_final=False,
            use_lu_lambdas=False,
        )

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Extrapolate D to the middle of each step, and add the noise of the step."""
        before, last_step, generators = None, 0.0, noise.generators()
        for sigma, following in pairwise(sigmas):
            clean = extrapolated = denoise(x, sigma)
            step = math.log(sigma / following) if following else math.inf
            if before is not None and following:
                extrapolated = clean + step / (2 * last_step) * (clean - before)
            forgotten = -math.expm1(-2 * step)
            x = following / sigma * math.exp(-step) * x + forgotten * extrapolated
            x = x + following * forgotten**0.5 * noise.draw(generators).to(x.dtype)
            before, last_step = clean, step
        return x

    solve = multistep(scheduler, stochastic=True)
    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=None)
