"""AMED: steps whose intermediate time and length are learned from the finely solved ODE."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from bench import Setting, variant
from suites.samplers.amed_fit import NONE, fitted
from suites.samplers.families import predict_noise
from suites.samplers.grids import grid_named
from suites.samplers.ground import Denoise, Progress
from suites.samplers.noise import Noise
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Sampler


def provision(problem: Sampling, progress: Progress, *, grid: str = "karras") -> None:
    """Fit the steps, unless that was done: seconds, or some minutes on a trained network."""
    fitted(
        problem.loaded, problem.ground, _levels(problem.nfe, grid), _saves(problem.nfe), progress
    )


@variant(marks=["variation"], provision=provision)
def amed(problem: Sampling, *, setting: Setting, grid: str = "karras") -> Sampler:
    """AMED-Solver, Zhou et al. 2024 (arXiv:2312.00094), eq. 12 and 13; no library has it.

    Of a step from t to f the slope is taken once, at s = f^r t^(1 - r), and scaled by c. The
    paper's r and c come from a network that sees the image; here they are two numbers a step, the
    best ones over images for this ground, grid and budget. Two evaluations a step, and one for the
    jump to 0; an even budget saves the first (AFS: far out the slope is x / t).
    """
    saves_first = _saves(problem.nfe)
    sigmas = _levels(problem.nfe, grid)
    steps = fitted(problem.loaded, problem.ground, sigmas, saves_first)

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Move between states and denoised images by shares."""
        for number, (sigma, following) in enumerate(pairwise(sigmas)):
            if following == 0:
                return denoise(x, sigma)
            r, c = steps[number] if number < len(steps) else NONE
            middle = following**r * sigma ** (1 - r)
            saved = saves_first and number == 0
            ahead = x * (middle / sigma) if saved else x.lerp(denoise(x, sigma), 1 - middle / sigma)
            x = x.add(ahead - denoise(ahead, middle), alpha=c * (following - sigma) / middle)
        return x

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        """Write eq. 12 with epsilon(x, t) = (x - D) / t."""
        for number, (t, following) in enumerate(pairwise(sigmas)):
            if following == 0:
                return x - t * predict_noise(denoise, x, t)
            r, c = steps[number] if number < len(steps) else NONE
            s = math.exp(r * math.log(following) + (1 - r) * math.log(t))
            slope = x / t if saves_first and number == 0 else predict_noise(denoise, x, t)
            x_s = x + (s - t) * slope
            x = x + c * (following - t) * predict_noise(denoise, x_s, s)
        return x

    return Sampler(
        problem,
        setting,
        solve=solve,
        formula=formula,
        grid=grid,
        order=0,
        num_steps=len(sigmas) - 1,
    )


def _levels(nfe: int, grid: str) -> list[float]:
    return grid_named(grid).sampling(nfe // 2 + 1)


def _saves(nfe: int) -> bool:
    """Say whether the first evaluation must be saved: N steps and a jump cost 2 N + 1."""
    return nfe % 2 == 0
