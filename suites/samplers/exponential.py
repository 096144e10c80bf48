"""Exponential integrators in lambda = -log sigma, for x = data + sigma noise.

Of the data prediction D the ODE is d(x / sigma) = e^lambda D d lambda, of the noise prediction
dx = -e^-lambda noise d lambda (Lu et al. 2022, arXiv:2211.01095, eq. 8; arXiv:2206.00927, eq. 3.4):
what is not the prediction is solved exactly. The scaled states of VP give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from suites.samplers.lagrange import lagrange_integrals, weighted

DATA, NOISE = 1.0, -1.0  # the rates of the two exponentials


def integrated(
    x: Tensor,
    sigma: float,
    following: float,
    nodes: Sequence[float],
    predictions: Sequence[Tensor],
    rate: float,
) -> Tensor:
    """Carry x from `sigma` to `following`, exactly for a polynomial through predictions at `nodes`.

    All of them are levels of noise above 0.
    """
    lambdas = [-math.log(node) for node in nodes]
    ends = -math.log(sigma), -math.log(following)
    sum_ = weighted(lagrange_integrals(lambdas, *ends, rate), predictions)
    return following / sigma * x + sum_ if rate == DATA else x - following * sum_


def midpoint(
    x: Tensor,
    sigma: float,
    following: float,
    nodes: Sequence[float],
    predictions: Sequence[Tensor],
    rate: float,
) -> Tensor:
    """Do it for the value that the line through two predictions has in the middle of the step."""
    slope = (predictions[1] - predictions[0]) / math.log(nodes[0] / nodes[1])
    start = predictions[nodes.index(sigma)]
    middle = start + slope * math.log(sigma / following) / 2
    return integrated(x, sigma, following, [sigma], [middle], rate)
