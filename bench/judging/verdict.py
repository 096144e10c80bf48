"""The words of a comparison, and what is said of one case in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.judging.statistics import Interval

Verdict = Literal["faster", "slower", "same", "unclear", "broken", "fixed", "added", "removed"]

VERDICTS: tuple[Verdict, ...] = (
    "slower",
    "broken",
    "faster",
    "fixed",
    "unclear",
    "same",
    "added",
    "removed",
)


@dataclass(frozen=True)
class Change:
    """A verdict on times, with `ratio` new / base and its 95 % interval.

    `p_value` is the chance of so large a difference where nothing changed, before any correction
    for the number of cases. `rounds_needed` says for `unclear` how many rounds a side would
    probably settle it. `why` is empty where the ratio says it all. `slower_at_most` is a bound on
    a slowdown, a share, that holds together with those of all other cases.
    """

    verdict: Verdict
    ratio: Interval | None = None
    p_value: float | None = None
    rounds_needed: int | None = None
    why: str = ""
    slower_at_most: float | None = None
