"""Which bases of RoPE a context allows: Men et al. 2024 (arXiv:2405.14591), section 4.

A base b fits a context L where B(m) = sum_i cos(m b^(-2i/D)) >= 0 at every distance m < L: alike
tokens then attract each other more than others at any distance. What fits is no half-line: larger
bases may fail again, so that both the first base that fits and the largest that fails are told.
Bases are looked for from 100 to 10 000 000 in steps of half a percent.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bench import Measurement
from suites.positions.contexts import CONTEXTS

LEAST, MOST, STEP = 100.0, 1e7, 1.005
AT_ONCE = 1 << 21  # cosines


def bounds(head_dim: int) -> list[Measurement]:
    """Return by context the first base that fits, and the largest that does not."""
    bases = grid()
    reach = first_negative(bases, head_dim, max(CONTEXTS))
    fits = [reach >= context for context in CONTEXTS]
    first = [float(bases[fit][0]) for fit in fits]
    largest = [float(bases[~fit][-1]) for fit in fits]
    return [
        Measurement("base_first_fitting", "1", first),
        Measurement("base_largest_failing", "1", largest),
    ]


def grid() -> Tensor:
    """Return the bases that are looked at, float64."""
    count = int(torch.log(torch.tensor(MOST / LEAST)) / torch.log(torch.tensor(STEP)))
    return LEAST * STEP ** torch.arange(count, dtype=torch.float64)


def first_negative(bases: Tensor, head_dim: int, most: int) -> Tensor:
    """Return for every base the least distance m at which B(m) < 0, or `most` if there is none."""
    even = torch.arange(0, head_dim, 2, dtype=torch.float64)
    rates = bases[:, None] ** (-even / head_dim)
    found = torch.full(bases.shape, most)
    alive = torch.arange(len(bases))
    step = 64
    for first in range(0, most, step):
        distance = torch.arange(first, min(first + step, most), dtype=torch.float64)
        rows = max(AT_ONCE // (step * len(even)), 1)
        sums = torch.cat(
            [(part[:, None] * distance[:, None]).cos().sum(-1) for part in rates[alive].split(rows)]
        )
        negative = sums < 0
        fails = negative.any(-1)
        found[alive[fails]] = first + negative[fails].int().argmax(-1)
        alive = alive[~fails]
    return found
