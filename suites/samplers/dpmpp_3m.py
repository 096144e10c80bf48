"""DPM-Solver++(3M): a three-step exponential integrator of the data prediction."""

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

FEW = 15  # steps: with fewer the scheduler takes the last but one in second order


@variant(marks=["variation"])
def dpmpp_3m(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """DPM-Solver++(3M) by diffusers, Lu et al. 2022 (arXiv:2211.01095), as in the authors' code.

    It goes for third order and is of second: of the quadratic through three predictions the last
    term is half of what it integrates to, since a divided difference stands where the second
    derivative belongs (diffusers 0.42.1, as the authors' code). `deis` of order 3 has it whole.
    """
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    def scheduler(to_data: bool) -> Any:
        return DPMSolverMultistepScheduler(
            **PINNED,
            **SPACED,
            **ended(to_data),
            solver_order=3,
            algorithm_type="dpmsolver++",
            solver_type="midpoint",
            euler_at_final=False,
            use_lu_lambdas=False,
        )

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Expand D in lambda = -log sigma about the start of each step."""
        cleans: list[Tensor] = []
        for number, (sigma, following) in enumerate(pairwise(sigmas), start=1):
            cleans = [denoise(x, sigma), *cleans][:3]
            left = len(sigmas) - number
            few = len(sigmas) - 1 < FEW
            terms = min(len(cleans), left if few and not sigmas[-1] else 3, 3 if following else 1)
            lambdas = [-math.log(s) for s in sigmas[number - terms : number][::-1]]
            x = _step(x, cleans[:terms], lambdas, sigma, following)
        return x

    return Sampler(
        problem, setting, solve=multistep(scheduler), formula=formula, grid=grid, order=3
    )


def _step(
    x: Tensor, cleans: list[Tensor], lambdas: list[float], sigma: float, following: float
) -> Tensor:
    """Add as many terms of the expansion as there are predictions, the newest first."""
    step = math.log(sigma / following) if following else math.inf
    phi_1 = math.expm1(-step)
    x = following / sigma * x - phi_1 * cleans[0]
    if len(cleans) == 1:
        return x
    slope = (cleans[0] - cleans[1]) / (lambdas[0] - lambdas[1])
    if len(cleans) == 2:
        return x - phi_1 * step * slope / 2  # the midpoint form of 2M
    before = (cleans[1] - cleans[2]) / (lambdas[1] - lambdas[2])
    second = (slope - before) / (lambdas[0] - lambdas[2])  # half of the second derivative
    slope = slope + (lambdas[0] - lambdas[1]) * second
    phi_2 = phi_1 / step + 1
    phi_3 = phi_2 / step - 0.5
    return x + phi_2 * step * slope - phi_3 * step**2 * second
