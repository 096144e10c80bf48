"""What AMED learns: of every step the intermediate time and the length, held to the fine ODE."""

from __future__ import annotations

import sys
from itertools import pairwise

import torch
from torch import Tensor

from suites.models.stored import content_key, stored
from suites.samplers.families import predict_noise
from suites.samplers.ground import Denoise, Ground, Progress
from suites.samplers.noise import draw_noise
from suites.samplers.reference import solve_ode

NUM_IMAGES = 128
SEED = 1 << 18  # of the noise that is learned from, apart from what is measured
TOLERANCE = 1e-5  # of the teacher, whose images err by far less than the steps that learn
NONE = (0.5, 1.0)  # r and c before anything is learned: DPM-Solver-2
WITHIN = (0.01, 0.99)  # r
LENGTHS = (0.5, 1.5)  # c: where little is left to move, a fit would ask for any


def fitted(
    ground: Ground,
    name: str,
    sigmas: list[float],
    saves_first: bool,
    progress: Progress = lambda *_: None,
) -> list[tuple[float, float]]:
    """Return r and c of every step between positive levels, from the cache or learned now."""
    cpu = torch.device("cpu")
    denoise = ground.denoiser(torch.float64, cpu)
    noise = draw_noise(ground.shape, NUM_IMAGES, SEED, torch.float64, cpu).start
    probe = denoise(noise, 1.0)  # stands for the source of the denoiser
    key = content_key(
        sys.modules[__name__], name, sigmas, saves_first, noise, probe.to(torch.float32)
    )

    def learn() -> Tensor:
        return torch.tensor(
            _learn(denoise, sigmas, saves_first, sigmas[0] * noise, progress),
            dtype=torch.float64,
        ).reshape(-1, 2)

    found: Tensor = stored(f"samplers-amed-{name}", key, learn)
    return [(r, c) for r, c in found.tolist()]


def _learn(
    denoise: Denoise, sigmas: list[float], saves_first: bool, start: Tensor, progress: Progress
) -> list[tuple[float, float]]:
    """Learn step by step, each from where the steps before have led (algorithm 1)."""
    x, teacher = start, start
    levels, found = sigmas[:-1], []
    for number, (t, following) in enumerate(pairwise(levels)):
        progress("learning AMED's steps", number / len(levels))
        teacher = solve_ode(denoise, teacher, t, following, TOLERANCE)
        slope = x / t if saves_first and number == 0 else predict_noise(denoise, x, t)
        r, c, x = _best(denoise, x, slope, t, following, teacher)
        found.append((r, c))
    return found


def _best(
    denoise: Denoise, x: Tensor, slope: Tensor, t: float, following: float, teacher: Tensor
) -> tuple[float, float, Tensor]:
    """Search the r whose step comes nearest to the teacher, with the c that is best for it."""
    from scipy.optimize import minimize_scalar

    def step(r: float) -> tuple[float, Tensor]:
        """Return the least-squares c, and the state it leads to."""
        s = following**r * t ** (1 - r)
        move = (following - t) * predict_noise(denoise, x + (s - t) * slope, s)
        best = float((move * (teacher - x)).sum() / move.square().sum())
        c = min(max(best, LENGTHS[0]), LENGTHS[1])
        return c, x + c * move

    def error(r: float) -> float:
        return float((step(r)[1] - teacher).square().mean())

    r = float(minimize_scalar(error, bounds=WITHIN, method="bounded").x)
    return r, *step(r)
