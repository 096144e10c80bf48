"""Predictor-corrector sampling of a reverse SDE: steps down, and Langevin steps on every level."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from suites.samplers.ground import Denoise
from suites.samplers.noise import Noise
from suites.samplers.sampler import Integrate


class Step(NamedTuple):
    """One step of a predictor on x = data + sigma noise: keep x + pull (D - x) + spread z."""

    keep: float
    pull: float
    spread: float


class Predictors(dict[str, Callable[[float, float], Step]]):
    """The predictors of a family by name: two levels to a step between them."""

    def named(self, name: str) -> Callable[[float, float], Step]:
        """Return one; ValueError where there is none of that name."""
        if name not in self:
            raise ValueError(f"expected predictor to be one of {', '.join(self)}, got {name!r}")
        return self[name]


def solver(
    predictor: Callable[[float, float], Step],
    corrector: int = 0,
    snr: float = 0.0,
    damping: Callable[[float, float], float] = lambda level, below: 1.0,
) -> Integrate:
    """Return the solver of Song et al. 2021 (arXiv:2011.13456), algorithm 1.

    `corrector` Langevin steps on every inner level; `damping` is the factor of their step size,
    from a level and the one below. The step to the data adds no noise (appendix G).
    """

    def solve(denoise: Denoise, sigmas: list[float], x: Tensor, noise: Noise) -> Tensor:
        generators, end = noise.generators(), sigmas[-1]
        for sigma, following, below in zip(sigmas, sigmas[1:], [*sigmas[2:], end], strict=False):
            step = predictor(sigma, following)
            x = (step.keep - step.pull) * x + step.pull * denoise(x, sigma)
            if following:
                x = x.add_(noise.draw(generators).to(x.dtype), alpha=step.spread)
            for _ in range(corrector if following != end else 0):
                z = noise.draw(generators).to(x.dtype)
                factor = damping(following, below)
                x = langevin(x, denoise(x, following) - x, z, snr, factor, following)
        return x

    return solve


def langevin(
    x: Tensor, residual: Tensor, z: Tensor, snr: float, factor: float, sigma: float
) -> Tensor:
    """Take a Langevin step along `residual` = D - x, its size from the norms of each image.

    Algorithms 4 and 5 with the score g = residual / sigma^2, epsilon = 2 factor (snr |z| / |g|)^2.
    """
    by_image = (slice(None), *[None] * (x.ndim - 1))
    ratio = (z.flatten(1).norm(dim=1) / residual.flatten(1).norm(dim=1))[by_image]
    share = factor**0.5 * snr * ratio
    return x + 2 * sigma**2 * share * (share * residual + z)


def num_steps(nfe: int, corrector: int) -> int:
    """Return the most steps within `nfe` evaluations: N steps cost N + corrector (N - 1)."""
    if corrector < 0:
        raise ValueError(f"expected corrector steps of at least 0, got {corrector}")
    return (nfe + corrector) // (1 + corrector)
