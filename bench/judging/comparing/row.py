"""One line of a comparison: a quantity of a case on both sides, and the verdict on it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from bench.judging.comparing.matching import Match
from bench.judging.comparing.words import BAD, CHANGED, OUTCOME, TIME, Word
from bench.judging.mean import Mean
from bench.judging.statistics import Interval


@dataclass(frozen=True)
class Row:
    """`ratio` is new / base with its 95 % interval; `difference` is new - base over seeds.

    `barred` is set where a flag, or a difference of machines, forbids a verdict on time: there
    is a ratio then, which no mean may use. `slower_at_most` is a share that holds together with
    those of all cases; `within` is of this case alone.
    """

    match: Match
    quantity: str
    group: str
    verdict: Word
    unit: str = ""
    base: float | None = None
    new: float | None = None
    ratio: Interval | None = None
    difference: Mean | None = None
    p_value: float | None = None
    rounds_needed: int | None = None
    why: str = ""
    barred: bool = False
    slower_at_most: float | None = None

    @property
    def within(self) -> float | None:
        """Return the smallest change of a time, a share, that its own interval excludes."""
        if self.group != TIME or self.ratio is None:
            return None
        low, high = self.ratio.low, self.ratio.high
        return None if low is None or high is None else max(1 - low, high - 1)

    def is_regression(self, gate: Container[str]) -> bool:
        """Say whether this row fails a comparison; a broken case always does."""
        return self.verdict in (*BAD, CHANGED) and (self.group == OUTCOME or self.group in gate)
