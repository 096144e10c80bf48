"""Integrals of Lagrange's polynomials: the weights of multistep methods."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np
import torch
from torch import Tensor

NUM_POINTS = 24  # of Gauss and Legendre: exact to rounding for any step of a grid here


def lagrange_integrals(
    nodes: Sequence[float], low: float, high: float, rate: float = 0.0
) -> list[float]:
    """Integrate exp(rate (u - high)) L_j(u) over u from `low` to `high`, for every node j.

    L_j is the polynomial that is 1 at node j and 0 at the others. With rate 0 these are the
    weights of Adams and Bashforth's methods, or of Adams and Moulton's where `high` is a node;
    else those of exponential integrators.
    """
    points, weights = _gauss_legendre()
    u = (low + high) / 2 + (high - low) / 2 * points
    weights = (high - low) / 2 * weights * np.exp(rate * (u - high))
    return [float(weights @ _polynomial(nodes, own, u)) for own in range(len(nodes))]


def expect_order(order: int, lowest: int, highest: int) -> None:
    """Raise ValueError unless a method has this order."""
    if not lowest <= order <= highest:
        raise ValueError(f"expected order from {lowest} to {highest}, got {order}")


def weighted(weights: Sequence[float], tensors: Sequence[Tensor]) -> Tensor:
    """Return the sum of tensors times weights."""
    return torch.stack([w * t for w, t in zip(weights, tensors, strict=True)]).sum(0)


def adams_bashforth(past: Sequence[Tensor]) -> Tensor:
    """Mix the last values, the newest first, into the mean over the next of equal steps."""
    nodes = [-float(number) for number in range(len(past))]
    return weighted(lagrange_integrals(nodes, 0.0, 1.0), past)


@cache
def _gauss_legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(NUM_POINTS)


def _polynomial(nodes: Sequence[float], own: int, u: np.ndarray) -> np.ndarray:
    others = [node for number, node in enumerate(nodes) if number != own]
    return prod(((u - node) / (nodes[own] - node) for node in others), start=np.ones_like(u))
