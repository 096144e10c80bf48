"""What sessions of a comparison have taken so far, so that another goes on from there.

A round of a pair is taken where all of its sides have it in one session: others are never pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bench.cases.case import Case
from bench.running.step import Step
from bench.store import Run

Places = set[tuple[int, int]]  # session and round


class Taken:
    """Both runs' attempts as they are now; side 0 is A, side 1 is B."""

    def __init__(self, runs: tuple[Run, Run]):
        self._steps: set[tuple[int, str, str, int]] = set()
        self._places: defaultdict[tuple[int, str], Places] = defaultdict(set)
        for side, run in enumerate(runs):
            for attempt in run.attempts:
                self._steps.add((side, attempt.case, attempt.role, attempt.round))
                if attempt.role == "time":
                    self._places[side, attempt.case].add((attempt.session, attempt.round))

    def has(self, side: int, step: Step) -> bool:
        """Say whether a step that is done once has been done, in whichever session."""
        return (side, step.case.id, step.role, step.number) in self._steps

    def places(self, cases: Iterable[tuple[int, Case]]) -> Places:
        """Return where these cases, each of a side, were timed together."""
        found = [self._places[side, case.id] for side, case in cases]
        return set.intersection(*found) if found else set()

    def next_number(self, least: int) -> int:
        """Return the first round from `least` on that no session has begun."""
        numbers = (number for places in self._places.values() for _, number in places)
        return max(least, 1 + max(numbers, default=-1))
