"""UniPC: a multistep predictor and a corrector that costs no evaluation."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.multistep import multistep
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


@variant
def unipc(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """UniPC-2 (B2) by diffusers, Zhao et al. 2023 (arXiv:2302.04867), algorithm 5-8.

    A predictor of order p = 2 with its corrector is of order p + 1 = 3 (theorem 3.1).
    """
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler

    solve = multistep(
        UniPCMultistepScheduler,
        solver_order=2,
        predict_x0=True,
        solver_type="bh2",
        disable_corrector=[],
        solver_p=None,
    )

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Predict by UniP, evaluate, correct by UniC with that evaluation (VP states).

        History: levels and data predictions of the steps done; the corrector of a step is of the
        order its predictor was.
        """
        levels: list[float] = []
        cleans: list[Tensor] = []
        state = predicted = x * vp_scale(sigmas[0])
        for sigma, following in pairwise(sigmas):
            clean = denoise(predicted / vp_scale(sigma), sigma)
            if levels:
                state = _corrected(state, levels, cleans, sigma, clean)
            levels.append(sigma)
            cleans.append(clean)
            predicted = _predicted(state, levels, cleans, following)
        return predicted / vp_scale(sigmas[-1])

    return Sampler(problem, setting, solve=solve, formula=formula, grid=grid, order=3)


def _exponential(state: Tensor, clean: Tensor, sigma: float, following: float) -> Tensor:
    """Take the first-order step that is exact for a constant data prediction."""
    alpha, alpha_next = vp_scale(sigma), vp_scale(following)
    step = math.log(sigma / following) if following else math.inf
    shrink = alpha_next * following / (alpha * sigma)
    return shrink * state - alpha_next * math.expm1(-step) * clean


def _predicted(
    state: Tensor, levels: list[float], cleans: list[Tensor], following: float
) -> Tensor:
    """Compute UniP of order 2, and of order 1 at the start and in the step to sigma = 0."""
    moved = _exponential(state, cleans[-1], levels[-1], following)
    if len(levels) < 2 or not following:
        return moved
    step = math.log(levels[-1] / following)
    ratio = -math.log(levels[-2] / levels[-1]) / step
    slope = (cleans[-2] - cleans[-1]) / ratio
    return moved - vp_scale(following) * math.expm1(-step) * slope / 2


def _corrected(
    state: Tensor, levels: list[float], cleans: list[Tensor], sigma: float, clean: Tensor
) -> Tensor:
    """Compute UniC: the same step again, with the evaluation at its end."""
    moved = _exponential(state, cleans[-1], levels[-1], sigma)
    step = math.log(levels[-1] / sigma)
    base = math.expm1(-step)
    change = clean - cleans[-1]
    if len(levels) < 2:
        return moved - vp_scale(sigma) * base * change / 2
    ratio = -math.log(levels[-2] / levels[-1]) / step
    phi_2 = base / -step - 1  # the paper's psi functions at -h, times powers of it
    phi_3 = phi_2 / -step - 0.5
    first, second = phi_2 / base, 2 * phi_3 / base
    weight = (first - second) / (1 - ratio)  # solves R rho = b, eq. 5
    slope = (cleans[-2] - cleans[-1]) / ratio
    mixed = weight * slope + (first - weight) * change
    return moved - vp_scale(sigma) * base * mixed
