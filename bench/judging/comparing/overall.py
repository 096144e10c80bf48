"""Times of a whole suite as one ratio, over the cases that can be compared, with its coverage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.judging.comparing.matching import Match
from bench.judging.comparing.row import Row


@dataclass(frozen=True)
class Overall:
    """The geometric mean of new / base over `compared` of `num_cases` cases of a suite.

    Only cases ok and unflagged on both sides count. There is no interval: cases are no sample of
    anything, so the least and the greatest ratio are told instead. None where no case counts.
    """

    suite: str
    compared: int
    num_cases: int
    ratio: float | None = None
    least: float | None = None
    most: float | None = None


def overall(matches: Sequence[Match], rows: Sequence[Row]) -> list[Overall]:
    """Return one mean a suite, in order of appearance; a suite that is never timed has none."""
    suites: dict[str, int] = {}
    for match in matches:
        timed = any(r.case.timed for r in (match.base, match.new) if r)
        suites[match.case.suite] = suites.get(match.case.suite, 0) + timed
    return [_of_suite(suite, count, rows) for suite, count in suites.items() if count]


def _of_suite(suite: str, num_cases: int, rows: Sequence[Row]) -> Overall:
    ratios = [
        row.ratio.estimate
        for row in rows
        if row.match.case.suite == suite and row.group == "time" and row.ratio and not row.barred
    ]
    if not ratios:
        return Overall(suite, 0, num_cases)
    mean = math.exp(fmean(map(math.log, ratios)))
    return Overall(suite, len(ratios), num_cases, mean, min(ratios), max(ratios))
