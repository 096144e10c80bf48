"""Which cases of a comparison look changed: generous, and corrected for nothing.

A few rounds tell little of a case's own noise, and the other cases tell what is usual. So variances
are moderated: each is drawn towards that of all cases, the more the more alike these are (G. K.
Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004), article 3). Two figures are weighed so: the mean of
the differences by their variance, which sees small changes, and the median of their Walsh averages
by their median deviation, which no single disturbed process moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

LEAST_CASES = 4  # below, cases tell nothing of each other
ALIKE = 1e4  # degrees of freedom that stand for infinitely many
LEAST_SHARE = 1e-5  # of the usual variance: a smaller one is chance, or a clock's step
DRAWS, SEED = 20_000, 7


class Calibration(NamedTuple):
    """How median deviation and median Walsh average of n normal values relate to their variance.

    The squared deviation times `factor` is like a mean square of `freedom` degrees; the variance of
    the average is `spread` / n.
    """

    freedom: float
    factor: float
    spread: float


def screen(cases: Sequence[Values]) -> list[float]:
    """Return a p of every case, from the differences of logs of its rounds; 1 of fewer than two."""
    told = [1.0] * len(cases)
    known = [i for i, differences in enumerate(cases) if len(differences) > 1]
    if not known:
        return told
    means = np.array([cases[i].mean() for i in known])
    sizes = np.array([len(cases[i]) for i in known])
    squares = np.array([cases[i].var(ddof=1) for i in known])
    plain = _p(means, squares, sizes - 1.0, 1 / sizes)
    robust = [calibrated(int(size)) for size in sizes]
    middles = np.array([walsh_median(cases[i]) for i in known])
    deviations = np.array([_deviation(cases[i]) for i in known])
    factors, freedom, spreads = (
        np.array([getattr(c, name) for c in robust]) for name in ("factor", "freedom", "spread")
    )
    steady = _p(middles, factors * deviations**2, freedom, spreads / sizes)
    for i, p_value in zip(known, np.minimum(plain, steady), strict=True):
        told[i] = float(p_value)
    return told


def walsh_median(values: Values) -> float:
    """Return the median of the means of all pairs: Hodges and Lehmann's estimate of the centre."""
    rows, columns = np.triu_indices(len(values))
    return float(np.median((values[rows] + values[columns]) / 2))


def _p(centres: Values, squares: Values, freedom: Values, weights: Values) -> Values:
    """Return two-sided p of Student's t with moderated squares."""
    from scipy.special import stdtr

    squares = np.maximum(squares, LEAST_SHARE * np.median(squares))
    prior, usual = _prior(squares, freedom)
    moderated = (prior * usual + freedom * squares) / (prior + freedom)
    error = np.sqrt(moderated * weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(centres == 0, 0.0, np.abs(centres) / error)
    found: Values = 2 * stdtr(prior + freedom, -distance)
    return found


def _prior(squares: Values, freedom: Values) -> tuple[float, float]:
    """Return the degrees of freedom that all cases add to each, and their usual square."""
    from scipy.special import digamma, polygamma

    if len(squares) < LEAST_CASES or not squares.min() > 0:
        return 0.0, 0.0
    centred = np.log(squares) - digamma(freedom / 2) + np.log(freedom / 2)
    beyond = float(np.var(centred, ddof=1) - np.mean(polygamma(1, freedom / 2)))
    prior = min(2 * _inverse_trigamma(beyond), ALIKE) if beyond > 0 else ALIKE
    usual = float(centred.mean() + digamma(prior / 2) - math.log(prior / 2))
    return prior, math.exp(usual)


def _inverse_trigamma(value: float) -> float:
    """Solve trigamma(x) = value by Newton's method, as in the appendix of Smyth's article."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        found = polygamma(1, x)
        step = float(found * (1 - found / value) / polygamma(2, x))
        x += step
        if -step < 1e-8 * x:
            break
    return x


@lru_cache(maxsize=256)
def calibrated(size: int) -> Calibration:
    """Return what holds for so many normal values: simulated once, always with the same draws."""
    from scipy.special import digamma

    drawn = np.random.default_rng(SEED).normal(size=(DRAWS, size))
    logs = 2 * np.log([_deviation(values) for values in drawn])
    freedom = 2 * _inverse_trigamma(float(logs.var()))
    centre = float(logs.mean() - digamma(freedom / 2) + math.log(freedom / 2))
    middles = np.array([walsh_median(values) for values in drawn[: DRAWS // 4]])
    return Calibration(freedom, math.exp(-centre), float(middles.var()) * size)


def _deviation(values: Values) -> float:
    """Return the median distance from the median, of an even number the larger one."""
    ordered = np.sort(np.abs(values - np.median(values)))
    return float(ordered[len(values) // 2])
