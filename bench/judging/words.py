"""Figures and names as people read them: times, bytes, factors with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.judging.statistics import Interval

TOO_WIDE = 100  # between the ends of an interval: it says nothing


def seconds(value: float) -> str:
    """Write a time with three digits in the unit that suits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def size(value: float) -> str:
    """Write bytes in binary units, called by their name."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.0f} B"


def plus_minus(found: Interval) -> str:
    """Write the relative half-width of an interval, or what there is instead of one."""
    half = found.half_width
    if half is None:
        return rounds_without_spread(found)
    if half > math.log(TOO_WIDE):
        return f"(no bounds from {counted(found.rounds, 'round')})"
    return f"±{100 * math.expm1(half):.1f}%"


def rounds_without_spread(found: Interval) -> str:
    """Say how many rounds there are where no session has two, so that they give no interval."""
    if found.rounds == 1:
        return "one round"
    return f"{counted(found.rounds, 'round')}, one a session"


def factor(found: Interval) -> str:
    """Write a ratio with its interval."""
    if found.low is None or found.high is None:
        return f"{found.estimate:.2f}×"
    if found.high > TOO_WIDE * found.low:
        return f"{found.estimate:.2f}× (no bounds from {counted(found.rounds, 'round')})"
    return f"{found.estimate:.2f}× ({found.low:.2f}–{found.high:.2f})"


def name_of(case: Case, rivals: Sequence[Case]) -> str:
    """Name a variant, with its options where another of the rivals differs in them alone."""
    twins = [rival for rival in rivals if rival.variant == case.variant]
    if all(twin.options == case.options for twin in twins):
        return case.variant
    chosen = ",".join(f"{k}={v}" for k, v in case.options.items() if v is not None)
    return f"{case.variant}[{chosen}]" if chosen else case.variant


def span(low: float, high: float) -> str:
    """Write the factors between two bounds, in as few digits as tell them apart and from 1."""
    if high > TOO_WIDE * low:
        return "an unbounded factor"
    digits = 0 if low >= 10 else 2 if low < 1.1 and high > 0.9 else 1
    if 0 < low < 1:
        digits = max(digits, -math.floor(math.log10(low)))
    while f"{low:.{digits}f}" == f"{high:.{digits}f}" and digits < 2:
        digits += 1
    ends = dict.fromkeys(f"{end:.{digits}f}" for end in (low, high))
    return f"{'–'.join(ends)}×"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Write names as a list, those beyond `most` by their number."""
    if len(names) == 1:
        return names[0]
    shown = names if len(names) <= most else names[: most - 1]
    rest = len(names) - len(shown)
    last = counted(rest, "other") if rest else shown[-1]
    return f"{', '.join(shown if rest else shown[:-1])} and {last}"


def tied(names: Sequence[str]) -> str:
    """Write names that cannot be told apart, as a tie."""
    return f"{listed(names)} tie"
