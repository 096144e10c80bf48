"""Least squares of times on what they are made of, by relative error. Torch-free.

A time is a sum of parts, each so many units (messages, bytes, products) at a cost in seconds that
all cases share. Two errors are kept apart and both count: of the rounds, since other rounds would
give other costs (jackknife over rounds), and of the sum itself, which no case follows exactly
(residuals). What noise of one case is in both makes intervals wider than they need be, never
narrower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import stdtrit

from bench.answers import LEVEL, Interval, Rounds

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Timed:
    """A measured case: how many units of each part it has, and its seconds by round."""

    parts: tuple[float, ...]
    rounds: Rounds


@dataclass(frozen=True)
class Fit:
    """Costs in seconds a unit, none below 0, and how far they can be trusted.

    `scatter` is the relative distance of cases from their sum of parts; None where there are no
    more cases than parts, which then says nothing of how well a sum describes them.
    """

    costs: Array
    of_rounds: Array  # covariance of the costs, by each of the two errors
    of_misfit: Array
    scatter: float | None
    num_rounds: int
    num_cases: int

    def cost(self, part: int, level: float = LEVEL) -> Interval:
        """Return the seconds that a unit of one part costs."""
        return self._bounded(self.costs[part], np.eye(len(self.costs))[part], 0.0, level)

    def seconds(self, parts: Sequence[float], level: float = LEVEL) -> Interval:
        """Predict the time of another case; without bounds where nothing tells its scatter."""
        units = np.asarray(parts, dtype=float)
        estimate = float(self.costs @ units)
        if self.scatter is None:
            return Interval(estimate, None, None, self.num_rounds, 1)
        return self._bounded(estimate, units, self.scatter * estimate, level)

    def _bounded(self, estimate: float, units: Array, scatter_s: float, level: float) -> Interval:
        if self.num_rounds < 2:
            return Interval(estimate, None, None, self.num_rounds, 1)
        variances = np.array([units @ self.of_rounds @ units, units @ self.of_misfit @ units])
        variances[1] += scatter_s**2
        freedoms = np.array([self.num_rounds - 1, max(self.num_cases - len(self.costs), 1)])
        half = float(np.sqrt(variances.sum())) * _quantile(variances, freedoms, level)
        return Interval(estimate, max(estimate - half, 0.0), estimate + half, self.num_rounds, 1)


def fit(cases: Sequence[Timed]) -> Fit:
    """Fit costs to cases; ValueError where they cannot tell the parts apart, or share no round."""
    times = _common_rounds(cases)
    parts = np.array([case.parts for case in cases], dtype=float)
    center = _geometric_mean(times)
    relative = parts / center[:, None]
    if np.linalg.matrix_rank(relative / relative.max(axis=0)) < parts.shape[1]:
        raise ValueError(
            f"expected cases that tell {parts.shape[1]} parts of a time apart, got {len(cases)}"
        )
    costs = _least(relative, np.ones(len(cases)))
    spare = len(cases) - parts.shape[1]
    residuals = relative @ costs - 1
    square = float(residuals @ residuals) / max(spare, 1)
    return Fit(
        costs=costs,
        of_rounds=_jackknife(parts, times),
        of_misfit=square * np.linalg.inv(relative.T @ relative),
        scatter=float(np.sqrt(square)) if spare else None,
        num_rounds=len(times),
        num_cases=len(cases),
    )


def _common_rounds(cases: Sequence[Timed]) -> Array:
    """Return times by round and case, of the session that has most rounds of all cases.

    Sessions are never pooled as if they were one.
    """
    common = sorted(set.intersection(*(set(case.rounds) for case in cases))) if cases else []
    sessions = [list(own) for _, own in groupby(common, key=lambda key: key[0])]
    if not sessions:
        raise ValueError("expected cases that were timed in the same rounds, got none")
    kept = max(sessions, key=len)
    return np.array([[case.rounds[key] for case in cases] for key in kept])


def _geometric_mean(times: Array) -> Array:
    return np.asarray(np.exp(np.log(times).mean(axis=0)))


def _least(relative: Array, ones: Array) -> Array:
    """Return the costs at the least squared relative error; a negative one cannot be."""
    scale = relative.max(axis=0)
    return np.asarray(nnls(relative / scale, ones)[0] / scale)


def _jackknife(parts: Array, times: Array) -> Array:
    """Return the covariance of the costs over rounds: leave out each in turn (Tukey 1958)."""
    count = len(times)
    if count < 2:
        return np.zeros((parts.shape[1], parts.shape[1]))
    left_out = []
    for one in range(count):
        center = _geometric_mean(np.delete(times, one, axis=0))
        left_out.append(np.linalg.lstsq(parts / center[:, None], np.ones(len(parts)))[0])
    apart = np.array(left_out) - np.mean(left_out, axis=0)
    return np.asarray((count - 1) / count * apart.T @ apart)


def _quantile(variances: Array, freedoms: Array, level: float) -> float:
    """Return Student's quantile for a sum of two variances (Welch 1947, Satterthwaite 1946)."""
    if not variances.any():
        return 0.0
    freedom = variances.sum() ** 2 / (variances**2 / freedoms).sum()
    return float(stdtrit(freedom, 0.5 + level / 2))
