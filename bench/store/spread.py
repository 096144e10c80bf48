"""Spreads of repeated measurements, on the log scale: within pairs, within and between sessions.

A round is two processes of the same code, `(a, b)` in seconds; a session is a list of rounds; an
occasion is a list of sessions that were recorded one after another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Annotated

from bench.cases.bounds import Count, Positive, Seconds, Spreading, Within

Round = tuple[float, float]
Session = Sequence[Round]
Recordings = Sequence[Sequence[Session]]  # of one case: sessions by occasion

LEAST_OCCASIONS = 3


@dataclass(frozen=True)
class Squares:
    """A sum of squared deviations, and the degrees of freedom behind it."""

    total: Annotated[float, Within(0.0, 1e12)]
    freedom: Count


@dataclass(frozen=True)
class Nested:
    """How log times differ within a round, of one case in one session.

    `forks` are squares of processes of one server about their mean, `calls` of what a process comes
    to in a second of samples: by its two halves. `sampled_s` are the seconds of a process.
    """

    forks: Squares
    calls: Squares
    sampled_s: Seconds


@dataclass(frozen=True)
class Spread:
    """A standard deviation of log values, and the degrees of freedom behind it."""

    sd: Spreading
    freedom: Positive


def pooled(squares: Iterable[Squares]) -> Spread | None:
    """Return the spread that several cases have in common; None where nothing is known."""
    known = [s for s in squares if s.freedom > 0]
    freedom = sum(s.freedom for s in known)
    return Spread(math.sqrt(sum(s.total for s in known) / freedom), freedom) if known else None


def summed(squares: Iterable[Squares]) -> Squares:
    """Add squares of what has nothing in common but its spread."""
    every = list(squares)
    return Squares(sum(s.total for s in every), sum(s.freedom for s in every))


def nested(
    processes: Sequence[tuple[float, float, float]], server: Sequence[int], sampled_s: float
) -> Nested:
    """Take apart what processes came to, `(whole, first half, second half)` in log seconds.

    `server` says which of them were forks of one: only these are compared.
    """
    groups: dict[int, list[float]] = {}
    for number, (whole, _, _) in zip(server, processes, strict=True):
        groups.setdefault(number, []).append(whole)
    forks = sum((x - fmean(own)) ** 2 for own in groups.values() for x in own)
    # halves have half the seconds, so twice the variance, and their difference twice that again
    calls = sum((a - b) ** 2 for _, a, b in processes) / 4 * sampled_s
    freedom = sum(len(own) - 1 for own in groups.values())
    return Nested(Squares(forks, freedom), Squares(calls, len(processes)), sampled_s)


def components(found: Iterable[Nested]) -> tuple[float, float] | None:
    """Return variances of processes alone, and of calls in a second; None where nothing is known.

    What processes differ by holds their calls, which are taken off.
    """
    every = [one for one in found if one.forks.freedom and one.calls.freedom and one.sampled_s]
    if not every:
        return None
    forks, calls = summed(one.forks for one in every), summed(one.calls for one in every)
    call = calls.total / calls.freedom
    inside = sum(one.forks.freedom / one.sampled_s for one in every) / forks.freedom * call
    return max(forks.total / forks.freedom - inside, 0.0), call


def pair_squares(sessions: Iterable[Session]) -> Squares:
    """Return the squares of one side within its pairs: what is left where the round falls out.

    Both sides are the same code, so that their difference is known to be 0.
    """
    differences = [math.log(a / b) for session in sessions for a, b in session]
    return Squares(sum(d * d for d in differences) / 2, len(differences))


def process_squares(sessions: Iterable[Session]) -> Squares:
    """Return the squares of one process a round about the mean of its session and side."""
    columns = [
        [math.log(times[side]) for times in session] for session in sessions for side in (0, 1)
    ]
    total = sum((x - fmean(column)) ** 2 for column in columns for x in column)
    # two sides of one round are not independent: count rounds
    return Squares(total / 2, sum(len(column) - 1 for column in columns) // 2)


def session_squares(occasions: Recordings) -> Squares:
    """Return the squares of session means: all sessions alike, whatever the occasion."""
    means = [mean for occasion in _means(occasions) for mean in occasion]
    return Squares((len(means) - 1) * variance(means), len(means) - 1) if means[1:] else _NONE


def occasion_squares(occasions: Recordings) -> Squares:
    """Return the squares of a session mean where each comes from another occasion.

    Sessions of one occasion may be more alike than those of another day. So the variance of
    the occasions' means is taken, and what averaging over an occasion's sessions took off is
    put back. Nothing is known below `LEAST_OCCASIONS`.
    """
    by_occasion = _means(occasions)
    if len(by_occasion) < LEAST_OCCASIONS:
        return _NONE
    within = [(len(means) - 1) * variance(means) for means in by_occasion if means[1:]]
    freedom = sum(len(means) - 1 for means in by_occasion)
    inside = sum(within) / freedom if freedom else 0.0
    averaged = fmean(1 - 1 / len(means) for means in by_occasion)
    between = variance([fmean(means) for means in by_occasion])
    return Squares((len(by_occasion) - 1) * (between + inside * averaged), len(by_occasion) - 1)


def _means(occasions: Recordings) -> list[list[float]]:
    return [
        [fmean(math.log(t) for times in session for t in times) for session in occasion]
        for occasion in occasions
    ]


_NONE = Squares(0.0, 0)
