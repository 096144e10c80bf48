"""The reverse variance-exploding SDE, by a predictor alone and with a Langevin corrector."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_score
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.predictor_corrector import Predictors, Step, num_steps, solver
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Integrate, Sampler

PREDICTORS = Predictors(
    # Euler-Maruyama in the time sigma^2, in which the SDE's diffusion is 1
    reverse_diffusion=lambda s, f: Step(1, 1 - (f / s) ** 2, math.sqrt(s**2 - f**2)),
    ancestral=lambda s, f: Step(1, 1 - (f / s) ** 2, f * math.sqrt(1 - (f / s) ** 2)),
)


@variant(marks=["variation", "stochastic"])
def ve_sde(
    problem: Sampling, *, setting: Setting, grid: str = "log", predictor: str = "reverse_diffusion"
) -> Sampler:
    """VE SDE, Song et al. 2021 (arXiv:2011.13456), eq. 46, or `ancestral` by eq. 47; no library."""
    return Sampler(
        problem,
        setting,
        solve=solver(PREDICTORS.named(predictor)),
        formula=formula_of(predictor, 0, 0.0),
        grid=grid,
        order=None,
    )


@variant(marks=["variation", "stochastic"])
def ve_pc(
    problem: Sampling,
    *,
    setting: Setting,
    grid: str = "log",
    predictor: str = "reverse_diffusion",
    corrector: int = 1,
    snr: float = 0.16,
) -> Sampler:
    """Predictor-corrector on the VE SDE, Song et al. 2021 (arXiv:2011.13456), algorithms 2 and 4.

    `snr` is r of algorithm 4, taken of each image by itself; N steps cost N + corrector (N - 1).
    """
    return Sampler(
        problem,
        setting,
        solve=solver(PREDICTORS.named(predictor), corrector, snr),
        formula=formula_of(predictor, corrector, snr),
        grid=grid,
        order=None,
        num_steps=num_steps(problem.nfe, corrector),
    )


def formula_of(predictor: str, corrector: int, snr: float) -> Integrate:
    """Return algorithm 2 as it is written, with the score."""

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        generators = noise.generators()
        for sigma, following in pairwise(sigmas):
            variance = sigma**2 - following**2
            x = x + variance * predict_score(denoise, x, sigma)
            if following == 0:
                return x
            if predictor == "ancestral":
                variance = variance * following**2 / sigma**2
            x = x + variance**0.5 * noise.draw(generators).to(x.dtype)
            for _ in range(corrector if following != sigmas[-1] else 0):
                z = noise.draw(generators).to(x.dtype)
                g = predict_score(denoise, x, following)
                epsilon = 2 * (snr * lengths(z) / lengths(g)) ** 2
                x = x + epsilon * g + (2 * epsilon) ** 0.5 * z
        return x

    return formula


def lengths(x: Tensor) -> Tensor:
    """Return the L2 norm of every image, to be multiplied with images."""
    return x.square().sum(tuple(range(1, x.ndim)), keepdim=True).sqrt()
