"""The reverse variance-preserving SDE, by a predictor alone and with a Langevin corrector."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor

from bench import Setting, variant
from suites.samplers.families import predict_score, vp_scale
from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.predictor_corrector import Predictors, Step, num_steps, solver
from suites.samplers.problem import Sampling
from suites.samplers.sampler import Integrate, Sampler
from suites.samplers.ve_sde import lengths


def euler_maruyama(sigma: float, following: float) -> Step:
    """Step by B, the integral of beta: the state grows by B / 2, its score counts B."""
    b, shrink = _integral(sigma, following), vp_scale(sigma) / vp_scale(following)
    noise_share = (sigma * vp_scale(sigma)) ** 2
    return Step(shrink * (1 + b / 2), shrink * b / noise_share, math.sqrt(b) / vp_scale(following))


def reverse_diffusion(sigma: float, following: float) -> Step:
    """Undo one step of the discrete process, eq. 44 and appendix E."""
    shrink, beta = vp_scale(sigma) / vp_scale(following), _beta(sigma, following)
    pull = shrink * (1 - (following / sigma) ** 2)
    return Step(shrink * (2 - shrink), pull, math.sqrt(beta) / vp_scale(following))


def ancestral(sigma: float, following: float) -> Step:
    """Sample from DDPM's reverse step with the larger of its variances, eq. 4."""
    spread = math.sqrt(_beta(sigma, following)) / vp_scale(following)
    return Step(1, 1 - (following / sigma) ** 2, spread)


def _beta(sigma: float, following: float) -> float:
    return (sigma**2 - following**2) / (1 + sigma**2)


def _integral(sigma: float, following: float) -> float:
    return math.log1p(sigma**2) - math.log1p(following**2)


PREDICTORS = Predictors(
    euler_maruyama=euler_maruyama, reverse_diffusion=reverse_diffusion, ancestral=ancestral
)


@variant(marks=["variation", "stochastic"])
def vp_sde(
    problem: Sampling, *, setting: Setting, grid: str = "vp", predictor: str = "euler_maruyama"
) -> Sampler:
    """VP SDE, Song et al. 2021 (arXiv:2011.13456), eq. 6 and 11 reversed; no library has it right.

    The predictor is `euler_maruyama`, `reverse_diffusion` (algorithm 3) or `ancestral` (eq. 4).
    """
    return Sampler(
        problem,
        setting,
        solve=solver(PREDICTORS.named(predictor)),
        formula=formula_of(predictor, 0, 0.0),
        grid=grid,
        order=None,
    )


@variant(marks=["variation", "stochastic"])
def vp_pc(
    problem: Sampling,
    *,
    setting: Setting,
    grid: str = "vp",
    predictor: str = "reverse_diffusion",
    corrector: int = 1,
    snr: float = 0.16,
) -> Sampler:
    """Predictor-corrector on the VP SDE, Song et al. 2021 (arXiv:2011.13456), algorithms 3 and 5.

    `snr` is r of algorithm 5, taken of each image by itself; N steps cost N + corrector (N - 1).
    """

    def damping(level: float, below: float) -> float:
        return 1 - _beta(level, below)

    return Sampler(
        problem,
        setting,
        solve=solver(PREDICTORS.named(predictor), corrector, snr, damping),
        formula=formula_of(predictor, corrector, snr),
        grid=grid,
        order=None,
        num_steps=num_steps(problem.nfe, corrector),
    )


def formula_of(predictor: str, corrector: int, snr: float) -> Integrate:
    """Return algorithm 3 as it is written, on x_i = sqrt(alpha_bar_i) (data + sigma_i noise)."""

    def means(x: Tensor, beta: float, score: Tensor) -> dict[str, Tensor]:
        integral = -math.log(1 - beta)
        return {
            "euler_maruyama": x + integral * (x / 2 + score),
            "reverse_diffusion": (2 - (1 - beta) ** 0.5) * x + beta * score,
            "ancestral": (x + beta * score) / (1 - beta) ** 0.5,
        }

    def score_of(denoise: Denoise, x: Tensor, sigma: float) -> Tensor:
        return predict_score(denoise, x / vp_scale(sigma), sigma) / vp_scale(sigma)

    def formula(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        alpha_bars = [vp_scale(sigma) ** 2 for sigma in sigmas]
        betas = [1 - a / b for a, b in pairwise(alpha_bars)]
        x, generators = alpha_bars[0] ** 0.5 * x, noise.generators()
        for i, (sigma, following) in enumerate(pairwise(sigmas)):
            x = means(x, betas[i], score_of(denoise, x, sigma))[predictor]
            if following == 0:
                return x
            variance = -math.log(1 - betas[i]) if predictor == "euler_maruyama" else betas[i]
            x = x + variance**0.5 * noise.draw(generators).to(x.dtype)
            for _ in range(corrector if following != sigmas[-1] else 0):
                z = noise.draw(generators).to(x.dtype)
                g = score_of(denoise, x, following)
                epsilon = 2 * (1 - betas[i + 1]) * (snr * lengths(z) / lengths(g)) ** 2
                x = x + epsilon * g + (2 * epsilon) ** 0.5 * z
        return x / alpha_bars[-1] ** 0.5

    return formula
