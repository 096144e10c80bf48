"""Verdicts from intervals: an interval that reaches across a bound cannot tell, and says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bench.judging.claim import Verdict


class Bounds(Protocol):
    """An interval; without bounds (one round, one seed) it cannot tell anything."""

    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def near(found: Bounds, nominal: float, tolerance: float) -> Verdict:
    """Hold where the whole interval is within the tolerance, fail where all of it is outside."""
    low, high = nominal - tolerance, nominal + tolerance
    verdicts = at_least(found, low), at_most(found, high)
    if verdicts == ("holds", "holds"):
        return "holds"
    return "fails" if "fails" in verdicts else "untested"


def at_least(found: Bounds, bound: float) -> Verdict:
    """Hold where the whole interval is at least the bound, fail where all of it is below."""
    if found.low is None or found.high is None:
        return "untested"
    if found.low >= bound:
        return "holds"
    return "fails" if found.high < bound else "untested"


def at_most(found: Bounds, bound: float) -> Verdict:
    """Hold where the whole interval is at most the bound, fail where all of it is above."""
    if found.low is None or found.high is None:
        return "untested"
    if found.high <= bound:
        return "holds"
    return "fails" if found.low > bound else "untested"


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Fail where one fails; hold where one holds and the others cannot tell."""
    seen = set(verdicts)
    if "fails" in seen:
        return "fails"
    return "holds" if "holds" in seen else "untested"
