"""How much slower each case can be at most, said of all cases of a comparison at once.

A confidence bound on one side, as in tests of non-inferiority: where it lies below a limit, a
slowdown beyond the limit is excluded. One chance of error, `ERROR`, is shared equally by cases and
by looks (Bonferroni), so that the bounds hold together whatever cases and looks have in common, and
a case may stop at a look because its bound is low enough. Each look is at the first so many pairs
of a case, a number fixed beforehand. Sources: E. L. Lehmann, Nonparametrics (1975), section 4.3,
for the bound by signed ranks; C. Jennison and B. W. Turnbull, J. R. Stat. Soc. B 51 (1989) 305, for
intervals that are looked at again and again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.judging.rule import Logs, Pairs, shares_of_sums
from bench.judging.statistics import exp_bounded, t_quantile

ERROR = 0.05  # the chance that any of a comparison's bounds is wrong
MOST = 1.0  # a bound of more than twice as long is none
# Below, ranks cannot be as rare as a share of the error: Student's t is asked, which a distant
# value makes wide and never wrong. From here on ranks bound whatever is symmetric about a change.
LEAST_RANKED = 15
# Five rounds that agree may all come from one mode of two, which no t would know: once in a
# thousand for a case of two equal modes. Ten do once in a million.
LOOKS = (2, 4, 8, 16)  # over the rounds of a first stage, where a limit is asked for


def looks_for(first_rounds: int) -> tuple[int, ...]:
    """Return the numbers of pairs after which a case may stop, where a limit is asked for."""
    return tuple(times * first_rounds for times in LOOKS)


def slower_at_most(cases: Sequence[Pairs]) -> list[float | None]:
    """Return the share by which each case is slower at most; None where so few pairs tell none."""
    bounded = sum(len(case.logs) > 1 for case in cases)
    return [_of_case(case, ERROR / bounded) if len(case.logs) > 1 else None for case in cases]


def share_of(log_ratio: float) -> float | None:
    """Return a bound of a log ratio as a share of at least 0; None where it bounds nothing."""
    share = max(0.0, exp_bounded(log_ratio) - 1)
    return share if share <= MOST else None


def _of_case(case: Pairs, error: float) -> float | None:
    """Return the lowest bound of all looks so far: they hold together."""
    looks = case.looks or (len(case.logs),)
    # what was cut short before its first look is looked at once, at what there is
    reached = [look for look in looks if look <= len(case.logs)] or [len(case.logs)]
    return share_of(min(upper(case.logs[:look], error / len(looks)) for look in reached))


def upper(logs: Logs, error: float) -> float:
    """Return a log ratio new / base that the true one exceeds at most in `error` of samples."""
    differences = logs[:, 1] - logs[:, 0]
    if len(differences) < LEAST_RANKED or 0.5 ** len(differences) > error:
        return _by_t(differences, error)
    return _by_ranks(differences, error)


def _by_t(differences: Logs, error: float) -> float:
    count = len(differences)
    half = float(differences.std(ddof=1)) / math.sqrt(count)
    return float(differences.mean()) + half * t_quantile(1 - error, count - 1)


def _by_ranks(differences: Logs, error: float) -> float:
    """Return the Walsh average that no more lie above than signed ranks allow.

    Of the averages of all pairs of differences, those above the true change are as many as the
    positive ranks add up to.
    """
    count = len(differences)
    chances = np.cumsum(shares_of_sums(tuple(range(1, count + 1))))
    allowed = int(np.searchsorted(chances, error, "right")) - 1
    walsh = (np.add.outer(differences, differences) / 2)[np.triu_indices(count)]
    place = len(walsh) - 1 - allowed
    return float(np.partition(walsh, place)[place])
