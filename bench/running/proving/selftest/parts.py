"""Where the noise of a kind of case arises: in calls, processes, rounds or sessions.

Nested variances by the method of moments (S. R. Searle, G. Casella, C. E. McCulloch, Variance
Components, 1992, chapter 4): what is seen on one level holds its share of those below, which is
taken off. Intervals are bootstrapped over sessions of cases, as these are what was drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.judging.noise_file import CaseRounds, NoiseSession
from bench.store.spread import components, process_squares, summed

DRAWS = 500
LEVEL = 0.95
SEED = 5
LEAST_SESSIONS = 2


@dataclass(frozen=True)
class Part:
    """A standard deviation of log time with its interval."""

    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class Parts:
    """What each level adds: a second of calls, a process, a round (its server), a session."""

    call: Part
    fork: Part
    round: Part
    session: Part | None


Variances = tuple[float, float, float]  # of calls, processes and rounds


def parts_of(sessions: Sequence[NoiseSession], kind: str, judged: str) -> Parts | None:
    """Return the parts of a kind's noise; None where no round timed a case in two processes."""
    cases = [
        case
        for session in sessions
        for case in session.cases
        if case.kind == kind and judged in case.nested and len(case.rounds[judged]) > 1
    ]
    told = _variances(cases, judged)
    if told is None:
        return None
    lot = np.random.default_rng(SEED)
    draws = lot.integers(len(cases), size=(DRAWS, len(cases)))
    found = [_variances([cases[i] for i in draw], judged) for draw in draws]
    known = np.array([one for one in found if one is not None])
    call, fork, round_ = (_part(told[i], known[:, i]) for i in range(3))
    return Parts(call, fork, round_, _session(cases, judged))


def _variances(cases: Sequence[CaseRounds], judged: str) -> Variances | None:
    inside = components(case.nested[judged] for case in cases)
    seen = summed(process_squares([case.rounds[judged]]) for case in cases)
    if inside is None or not seen.freedom:
        return None
    fork, call = inside
    below = sum(_below(case, judged, fork, call) for case in cases) / len(cases)
    return call, fork, max(seen.total / seen.freedom - below, 0.0)


def _below(case: CaseRounds, judged: str, fork: float, call: float) -> float:
    """Return the variance that processes and calls leave in what a side comes to in a round."""
    nested, servers = case.nested[judged], 2 * len(case.rounds[judged])
    forks = (nested.forks.freedom + servers) / servers
    return (fork + call / max(nested.sampled_s, 1e-9)) / forks


def _session(cases: Sequence[CaseRounds], judged: str) -> Part | None:
    """Return what sessions of a case differ by, beyond what their rounds explain."""
    by_case: dict[str, list[CaseRounds]] = {}
    for case in cases:
        by_case.setdefault(case.case, []).append(case)
    values = [_beyond(own, judged) for own in by_case.values() if len(own) >= LEAST_SESSIONS]
    if not values:
        return None
    draws = np.random.default_rng(SEED).integers(len(values), size=(DRAWS, len(values)))
    return _part(float(np.mean(values)), np.array(values)[draws].mean(axis=1))


def _beyond(sessions: Sequence[CaseRounds], judged: str) -> float:
    """Return the variance of one case's session means, less that of the mean of its rounds."""
    logs = [np.log(np.asarray(case.rounds[judged])).mean(axis=1) for case in sessions]
    between = float(np.var([own.mean() for own in logs], ddof=1))
    within = float(np.mean([own.var(ddof=1) / len(own) for own in logs]))
    return between - within


def _part(variance: float, drawn: np.ndarray) -> Part:
    low, high = np.quantile(np.maximum(drawn, 0.0), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Part(math.sqrt(max(variance, 0.0)), math.sqrt(low), math.sqrt(high))
