"""Estimates over seeds: Student's t over plain values, which may be 0 or below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from bench.statistics import t_quantile

LEVEL = 0.95  # the number of seeds is fixed beforehand: nothing stops on what it sees


@dataclass(frozen=True)
class SeedEstimate:
    """The mean over seeds with its interval; `low` and `high` are None where one seed gives none.

    Seeds that agree exactly give an interval without width: the quantity does not depend on them.
    """

    estimate: float
    low: float | None
    high: float | None
    seeds: int


def over_seeds(values: Sequence[float], level: float = LEVEL) -> SeedEstimate:
    """Estimate the arithmetic mean of one value a seed; `values` holds at least one."""
    mean, count = fmean(values), len(values)
    if count == 1:
        return SeedEstimate(mean, None, None, 1)
    half = t_quantile(0.5 + level / 2, count - 1) * stdev(values) / math.sqrt(count)
    return SeedEstimate(mean, mean - half, mean + half, count)
