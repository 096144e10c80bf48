"""Estimates of plain values, which may be 0 or below: the mean, and Student's t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from bench.cases.ranges import EVERYWHERE, Range
from bench.judging.statistics import t_quantile

LEVEL = 0.95  # how many values there are is fixed beforehand: nothing stops on what it sees


@dataclass(frozen=True)
class Mean:
    """The mean of `count` values with its interval; no bounds where one value gives none.

    Values that agree exactly give an interval without width: nothing that varied matters to them.
    """

    estimate: float
    low: float | None
    high: float | None
    count: int


def estimate_mean(
    values: Sequence[float], level: float = LEVEL, within: Range = EVERYWHERE
) -> Mean:
    """Estimate the arithmetic mean of at least one value (one a seed, or one a round).

    The interval ends where the quantity does: what lies outside of `within` cannot be true, so
    leaving it out costs no coverage. Values beyond (a rounding below 0) keep their own interval.
    """
    mean, count = fmean(values), len(values)
    if count == 1:
        return Mean(mean, None, None, 1)
    half = t_quantile(0.5 + level / 2, count - 1) * stdev(values) / math.sqrt(count)
    low, high = mean - half, mean + half
    if within[0] <= min(values) and max(values) <= within[1]:
        low, high = max(low, within[0]), min(high, within[1])
    return Mean(mean, low, high, count)
