"""HiPPO: the matrices of two measures of the past, and two ways to make time discrete.

Gu et al. 2020 (arXiv:2008.07669). With normalised Legendre polynomials as the basis, for both:
LegS weighs all of the past alike, LegT the last theta seconds. N is the number of coefficients.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

RULES = ("bilinear", "zoh")


def legs(count: int) -> tuple[Tensor, Tensor]:
    """Return A (N, N) and B (N,) of dc/dt = (A c + B f) / t, theorem 2, in float64."""
    at = torch.arange(count, dtype=torch.float64)
    scale = (2 * at + 1).sqrt()
    a_NN = -(scale[:, None] * scale).tril(-1) - torch.diag(at + 1)
    return a_NN, scale


def legt(count: int) -> tuple[Tensor, Tensor]:
    """Return A (N, N) and B (N,) of dc/dt = (A c + B f) / theta, theorem 1, in float64.

    Coefficients are of polynomials whose mean square over the window is 1, as in LegS.
    """
    at = torch.arange(count, dtype=torch.float64)
    scale = (2 * at + 1).sqrt()
    sign = (-1.0) ** (at[:, None] - at)
    later = torch.where(at[:, None] < at, sign, torch.ones_like(sign))
    return -(scale[:, None] * scale) * later, scale


def discrete(a_NN: Tensor, b_N: Tensor, step: Tensor, rule: str) -> tuple[Tensor, Tensor]:
    """Return A and B of one step each (..., N, N), (..., N); `step` (...) scales both.

    Bilinear: Tustin 1947; zero-order hold: Gu et al. 2020, appendix B.3, by one exponential.
    """
    count = len(a_NN)
    if rule == "bilinear":
        half = step[..., None, None] / 2 * a_NN
        one = torch.eye(count, dtype=a_NN.dtype, device=a_NN.device)
        both = torch.cat([one + half, step[..., None, None] * b_N[:, None]], -1)
        solved = torch.linalg.solve(one - half, both)
        return solved[..., :count], solved[..., count]
    if rule == "zoh":
        held = torch.cat([torch.cat([a_NN, b_N[:, None]], 1), a_NN.new_zeros(1, count + 1)])
        moved = torch.linalg.matrix_exp(step[..., None, None] * held)
        return moved[..., :count, :count], moved[..., :count, count]
    raise ValueError(f"expected rule to be {' or '.join(RULES)}, got {rule!r}")


MEASURES = {"legs": legs, "legt": legt}


def measure(name: str, count: int) -> tuple[Tensor, Tensor]:
    """Return A and B of a measure by its name; ValueError names those there are."""
    if name not in MEASURES:
        raise ValueError(f"expected init to be {' or '.join(MEASURES)}, got {name!r}")
    return MEASURES[name](count)


def legendre(count: int, at: Tensor) -> Tensor:
    """Return normalised Legendre polynomials of points in [-1, 1]: (..., N), by Bonnet's rule."""
    rows = [torch.ones_like(at), at]
    for n in range(1, count - 1):
        rows.append(((2 * n + 1) * at * rows[n] - n * rows[n - 1]) / (n + 1))
    scale = [math.sqrt(2 * n + 1) for n in range(count)]
    return torch.stack([s * row for s, row in zip(scale, rows[:count], strict=True)], -1)
