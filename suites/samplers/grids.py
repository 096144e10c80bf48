"""Grids: the noise levels a sampler visits, in float64, from one end all samplers share.

A grid is even steps of a coordinate u(sigma). `data + sigma noise` is the state throughout
(Karras et al. 2022); a sampler of another family rescales it, and never changes sigma's meaning.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SIGMA_MAX, SIGMA_MIN = 80.0, 0.002  # Karras et al. 2022, table 1
BETA_MIN, BETA_MAX = 0.1, 20.0  # Song et al. 2021 (arXiv:2011.13456), VP SDE; DDPM's linear betas
RHO = 7.0


@dataclass(frozen=True)
class Grid:
    """A coordinate and its inverse; `from_zero`: it is finite at sigma = 0, steps lead there."""

    coordinate: Callable[[float], float]
    sigma: Callable[[float], float]
    from_zero: bool = False

    def sampling(self, num_steps: int, high: float = SIGMA_MAX) -> list[float]:
        """Return num_steps + 1 falling levels, from `high` to 0.

        A coordinate that does not reach 0 in even steps goes to SIGMA_MIN, and jumps from there.
        """
        if self.from_zero:
            return self.between(num_steps, high, 0.0)
        last = SIGMA_MIN if num_steps > 1 else high
        return [*self.between(num_steps - 1, high, last), 0.0]

    def between(self, num_steps: int, high: float, low: float) -> list[float]:
        """Return num_steps + 1 levels from `high` to `low`, both exact."""
        ends = self.coordinate(high), self.coordinate(low)
        inner = [self.sigma(float(u)) for u in np.linspace(*ends, num_steps + 1)[1:-1]]
        return [high, *inner, low] if num_steps else [high]


def _time_of(sigma: float) -> float:
    """Invert sigma(t)^2 + 1 = exp(beta_min t + (beta_max - beta_min) t^2 / 2)."""
    slope = BETA_MAX - BETA_MIN
    return (
        2
        * math.log1p(sigma**2)
        / (BETA_MIN + math.sqrt(BETA_MIN**2 + 2 * slope * math.log1p(sigma**2)))
    )


def _sigma_of(time: float) -> float:
    return math.sqrt(math.expm1(BETA_MIN * time + (BETA_MAX - BETA_MIN) * time**2 / 2))


GRIDS = {
    "vp": Grid(_time_of, _sigma_of, from_zero=True),  # even in the time of the VP process
    "flow": Grid(
        lambda s: s / (1 + s), lambda t: t / (1 - t), from_zero=True
    ),  # x = (1-t) x0 + t n
    "karras": Grid(lambda s: s ** (1 / RHO), lambda u: u**RHO),  # Karras et al. 2022, eq. 5
    "log": Grid(math.log, math.exp),  # even in the log of the signal-to-noise ratio
}


def grid_named(name: str) -> Grid:
    """Return a grid; ValueError where there is none of that name."""
    if name not in GRIDS:
        raise ValueError(f"expected grid to be one of {', '.join(GRIDS)}, got {name!r}")
    return GRIDS[name]
