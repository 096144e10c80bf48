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
COSINE_OFFSET = 0.008  # Nichol and Dhariwal 2021 (arXiv:2102.09672), s of eq. 17
SD3_SHIFT = 3.0  # Esser et al. 2024 (arXiv:2403.03206), section 5.3.2
TWICE_THE_SIDE = 2.0  # Hoogeboom et al. 2023 (arXiv:2301.11093), section 3.1: sides over trained
LADDER = (128, 256, 512)  # steps over which an order of convergence is observed


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

    def shifted(self, factor: float) -> Grid:
        """Visit `factor` times each level between the same ends: log SNR less 2 log(factor).

        On the flow grid that is SD3's t' = s t / (1 + (s - 1) t), Esser et al. 2024
        (arXiv:2403.03206), eq. 23, with s = factor.
        """
        if not factor > 0:
            raise ValueError(f"expected a shift above 0, got {factor}")
        return Grid(
            lambda sigma: self.coordinate(sigma / factor),
            lambda u: factor * self.sigma(u),
            self.from_zero,
        )


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


COSINE_START = COSINE_OFFSET / (1 + COSINE_OFFSET) * math.pi / 2  # the angle at t = 0


def _cosine_time_of(sigma: float) -> float:
    """Invert alpha_bar(t) = cos^2((t + s) / (1 + s) pi / 2) / cos^2(s / (1 + s) pi / 2)."""
    angle = math.atan(math.hypot(math.tan(COSINE_START), sigma / math.cos(COSINE_START)))
    return (angle - COSINE_START) / (math.pi / 2 - COSINE_START)


def _cosine_sigma_of(time: float) -> float:
    """Return sqrt(1 / alpha_bar - 1), by sines: near 0 the cosines would cancel."""
    added = time * (math.pi / 2 - COSINE_START)
    angle = COSINE_START + added
    return math.sqrt(math.sin(added) * math.sin(angle + COSINE_START)) / math.cos(angle)


COSINE = Grid(_cosine_time_of, _cosine_sigma_of, from_zero=True)
FLOW = Grid(lambda s: s / (1 + s), lambda t: t / (1 - t), from_zero=True)  # x = (1-t) x0 + t n
GRIDS = {
    "vp": Grid(_time_of, _sigma_of, from_zero=True),  # even in the time of the VP process
    "cosine": COSINE,  # the same of Improved DDPM
    "cosine_shifted": COSINE.shifted(TWICE_THE_SIDE),
    "flow": FLOW,
    "sd3": FLOW.shifted(SD3_SHIFT),
    "karras": Grid(lambda s: s ** (1 / RHO), lambda u: u**RHO),  # Karras et al. 2022, eq. 5
    "log": Grid(math.log, math.exp),  # even in the log of the signal-to-noise ratio
}


def grid_named(name: str) -> Grid:
    """Return a grid; ValueError where there is none of that name."""
    if name not in GRIDS:
        raise ValueError(f"expected grid to be one of {', '.join(GRIDS)}, got {name!r}")
    return GRIDS[name]
