"""What a comparison excludes, in words: of each time, and of all of them together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.cases.counted import counted
from bench.judging.comparing.comparison import Comparison
from bench.judging.comparing.row import Row
from bench.judging.limit import in_words

MANY = 0.9  # of the cases: what nearly all are bounded by tells more than the worst one
HOW = (
    "Within: the smallest change that the time's own 95 % interval excludes. Slower by at most: "
    "bounds that hold for all cases at once, and all looks at them, at 95 %."
)


def upwards(share: float) -> str:
    """Write a share as a percentage, never smaller than it is: two digits."""
    percent = 100 * share
    if percent <= 0:
        return "0 %"
    step = 10.0 ** (math.floor(math.log10(percent)) - 1)
    return f"{math.ceil(round(percent / step, 6)) * step:.6g} %"


def within(row: Row) -> str:
    """Write the smallest change that a time's own interval excludes."""
    if row.within is None:
        return ""
    return f"±{upwards(row.within)}" if row.within <= 1 else f"{1 + row.within:.3g}×"


def slower(row: Row) -> str:
    """Write by how much a time is slower at most."""
    return "" if row.slower_at_most is None else upwards(row.slower_at_most)


def limits(comparison: Comparison) -> list[str]:
    """Return what is excluded of all cases at once, and what of that was asked for."""
    open_ = comparison.not_excluded  # the verdict says so
    return [told for told in (excluded(comparison), "" if open_ else gated(comparison)) if told]


def excluded(comparison: Comparison) -> str:
    """Say in a sentence what no case is slower by; empty where nothing was timed."""
    times = comparison.times
    bounds = sorted(row.slower_at_most for row in times if row.slower_at_most is not None)
    if not bounds:
        return "No slowdown of any size is excluded: no time has a bound." if times else ""
    without = len(times) - len(bounds)
    told = "No case" if not without else f"None of {counted(len(bounds), 'case')}"
    told += f" is slower by more than {_round(bounds[-1])}{_most(bounds)}, all at once at 95 %"
    return told + (f"; {without} without a bound." if without else ".")


def _most(bounds: Sequence[float]) -> str:
    """Say what nearly all cases are bounded by, where that is less than the worst one's."""
    limit = _ceiling(bounds[math.ceil(MANY * len(bounds)) - 1])
    if limit >= _ceiling(bounds[-1]):
        return ""
    return f" ({sum(b <= limit for b in bounds)} of {len(bounds)} by at most {_round(limit)})"


def _ceiling(share: float) -> float:
    """Return the next whole percent, below 1 % the next tenth."""
    step = 0.01 if share > 0.01 else 0.001
    return math.ceil(round(share / step, 6)) * step


def _round(share: float) -> str:
    return f"{100 * _ceiling(share):.3g} %"


def gated(comparison: Comparison) -> str:
    """Say how many cases may be slower than is allowed; empty where nothing has to be excluded."""
    if comparison.at_most is None:
        return ""
    limit, times = in_words(comparison.at_most, comparison.limits), comparison.times
    open_ = len(comparison.not_excluded)
    if open_:
        told = f"Not excluded: {open_} of {len(times)} times may be slower by more than {limit}"
    else:
        told = f"Excluded: none of {len(times)} times is slower by more than {limit}"
    return f"{told.removesuffix(',')}." if times else ""
