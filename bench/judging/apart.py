"""Judge times of two runs that were recorded apart, across a session effect neither can see.

Rounds within a run tell nothing of what changes from one session to the next (memory layout, clock,
neighbours): judged by their rounds alone, two runs of the same code differ almost always. So the
interval is widened by the spread between sessions, which only repeated sessions can tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from bench.judging.bounds import ERROR, share_of
from bench.judging.rule import ALARM, LEVEL, MARGIN, adjust, verdict_of
from bench.judging.statistics import Interval, Rounds, exp_bounded, t_quantile
from bench.judging.verdict import Change
from bench.store.spread import Spread as Spread

NO_SPREAD = "recorded apart, how far such sessions differ is unknown: use `bench ab`, or selftests"


@dataclass(frozen=True)
class Apart:
    """One case's values a round in two runs; `spread` is None where it was never learned."""

    base: Rounds
    new: Rounds
    spread: Spread | None


@dataclass(frozen=True)
class _Difference:
    """A difference of mean logs, its standard error, and the freedom behind that."""

    log_ratio: float
    error: float
    freedom: float
    sd: float

    @property
    def p_value(self) -> float:
        from scipy.special import stdtr

        if self.error == 0:
            return 1.0 if self.log_ratio == 0 else 0.0
        return float(2 * stdtr(self.freedom, -abs(self.log_ratio / self.error)))

    def slower_at_most(self, error: float) -> float | None:
        """Return the share that a slowdown exceeds at most in `error` of comparisons."""
        half = self.error * t_quantile(1 - error, self.freedom) if self.error else 0.0
        return share_of(self.log_ratio + half)

    def interval(self, rounds: int, sessions: int) -> Interval:
        half = self.error * t_quantile(0.5 + LEVEL / 2, self.freedom) if self.error else 0.0
        low, high = exp_bounded(self.log_ratio - half), exp_bounded(self.log_ratio + half)
        return Interval(exp_bounded(self.log_ratio), low, high, rounds, sessions)


def judge_apart(cases: Sequence[Apart], margin: float = MARGIN) -> list[Change]:
    """Judge every case at once; one without a spread, or with one round, is `unclear`."""
    found = [_difference(case) for case in cases]
    p_values = {i: d.p_value for i, d in enumerate(found) if d is not None}
    adjusted = dict(zip(p_values, adjust(list(p_values.values())), strict=True))
    return [
        _unknown(case)
        if difference is None
        else replace(
            verdict_of(
                difference.interval(min(len(case.base), len(case.new)), _sessions(case)),
                p_values[i],
                adjusted[i] < ALARM,
                difference.sd,
                margin,
            ),
            slower_at_most=difference.slower_at_most(ERROR / len(p_values)),
        )
        for i, (case, difference) in enumerate(zip(cases, found, strict=True))
    ]


def _unknown(case: Apart) -> Change:
    """Show a ratio without an interval: nothing says how far it may be trusted."""
    logs = [_mean_log(rounds) for rounds in (case.new, case.base)]
    ratio = Interval(math.exp(logs[0] - logs[1]), None, None, len(case.new), _sessions(case))
    why = NO_SPREAD if case.spread is None else "one round on a side; expected at least two"
    return Change("unclear", ratio, why=why)


def _difference(case: Apart) -> _Difference | None:
    """Add up what the rounds leave open and what the sessions do (Welch and Satterthwaite)."""
    if case.spread is None or min(len(case.base), len(case.new)) < 2:
        return None
    parts = []
    for rounds in (case.base, case.new):
        variance = _variance(rounds)
        parts.append((variance / len(rounds), len(rounds) - 1))
    # one spread, learned once, enters for both sides: its errors do not average out
    sessions = sum(1 / _num_sessions(rounds) for rounds in (case.base, case.new))
    parts.append((case.spread.sd**2 * sessions, case.spread.freedom))
    total = sum(part for part, _ in parts)
    freedom = total**2 / max(sum(part**2 / n for part, n in parts), 1e-300)
    log_ratio = _mean_log(case.new) - _mean_log(case.base)
    sd = math.sqrt(_variance(case.base) + _variance(case.new))
    return _Difference(log_ratio, math.sqrt(total), freedom, sd)


def _mean_log(rounds: Rounds) -> float:
    return fmean(math.log(value) for value in rounds.values())


def _variance(rounds: Rounds) -> float:
    centre = _mean_log(rounds)
    return sum((math.log(v) - centre) ** 2 for v in rounds.values()) / (len(rounds) - 1)


def _num_sessions(rounds: Rounds) -> int:
    return len({session for session, _ in rounds})


def _sessions(case: Apart) -> int:
    return max(_num_sessions(case.base), _num_sessions(case.new))
