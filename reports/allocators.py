"""What malloc does to an answer: the same cases with its thresholds fixed, and as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from bench.judging.record import Record
from bench.judging.statistics import LEVEL, Interval, Rounds, interval, ratio
from bench.judging.words import factor, name_of
from reports.words import shape

T = TypeVar("T")

NUM_TOLD = 3  # of a kind: those that differ most


@dataclass(frozen=True)
class Twins:
    """One case with malloc's thresholds fixed, and with the system's malloc."""

    fixed: Record
    system: Record

    def change(self, level: float) -> Interval | None:
        """Return how many times its time it takes with the system's malloc."""
        return ratio(self.system.rounds_of(), self.fixed.rounds_of(), level)


@dataclass(frozen=True)
class Race:
    """Two cases of one question, each with both allocators; `fast` is so with fixed thresholds."""

    slow: Twins
    fast: Twins

    def change(self, level: float) -> Interval | None:
        """Return by what the factor between the two changes with the system's malloc."""
        system = _over(self.slow.system.rounds_of(), self.fast.system.rounds_of())
        fixed = _over(self.slow.fixed.rounds_of(), self.fast.fixed.rounds_of())
        changed = _over(system, fixed)
        return interval(changed, level) if changed else None


def told_of_allocators(records: Sequence[Record]) -> str:
    """Say where the allocator changes times, or factors between variants, beyond doubt.

    Empty where no case was measured with both. The error rate is shared by all that is looked at.
    """
    found = twins(records)
    if not found:
        return ""
    races = _races(found)
    level = 1 - (1 - LEVEL) / (len(found) + len(races))
    slower = _beyond_doubt([(pair, pair.change(level)) for pair in found])
    raced = _beyond_doubt([(race, race.change(level)) for race in races])
    if not slower and not raced:
        cases = "case" if len(found) == 1 else "cases"
        return f"Of {len(found)} {cases} measured with both allocators, none differs beyond doubt."
    told = _listed([_of_case(pair, change) for pair, change in slower])
    told += _listed([_of_race(race) for race, _ in raced])
    return (
        "The allocator changes this: with the system's malloc, as a plain process has it, "
        f"{'; '.join(told)}."
    )


def twins(records: Sequence[Record]) -> list[Twins]:
    """Match the ranked records that differ in their allocator alone."""
    ranked = {record.case.id: record for record in records if record.ranked}
    return [
        Twins(ranked[fixed], record)
        for record in ranked.values()
        if record.case.allocator == "system"
        and (fixed := replace(record.case, allocator="fixed").id) in ranked
    ]


def _races(found: Sequence[Twins]) -> list[Race]:
    """Set the rivals of each question against its fastest."""
    questions: dict[str, list[Twins]] = {}
    for pair in found:
        questions.setdefault(pair.fixed.case.question, []).append(pair)
    races = []
    for field in questions.values():
        fastest = min(field, key=lambda pair: _time(pair.fixed))
        races += [Race(pair, fastest) for pair in field if pair is not fastest]
    return races


def _beyond_doubt(changes: Sequence[tuple[T, Interval | None]]) -> list[tuple[T, Interval]]:
    """Keep what changes for sure, the largest change first."""
    sure = [(what, c) for what, c in changes if c and c.low and c.high and not c.low <= 1 <= c.high]
    return sorted(sure, key=lambda one: -max(one[1].estimate, 1 / one[1].estimate))


def _of_case(pair: Twins, change: Interval) -> str:
    case = pair.fixed.case
    return f"{case.variant} ({shape(case)}) takes {factor(change)} its time with fixed thresholds"


def _of_race(race: Race) -> str:
    field = [race.slow.fixed.case, race.fast.fixed.case]
    slow, fast = (name_of(case, field) for case in field)
    system = ratio(race.slow.system.rounds_of(), race.fast.system.rounds_of())
    fixed = ratio(race.slow.fixed.rounds_of(), race.fast.fixed.rounds_of())
    assert system  # their change is known
    assert fixed
    return (
        f"{slow} takes {factor(system)} the time of {fast} ({shape(field[0])}), with fixed "
        f"thresholds {factor(fixed)}"
    )


def _listed(sentences: list[str]) -> list[str]:
    more = len(sentences) - NUM_TOLD
    return sentences[:NUM_TOLD] + ([f"and so do {more} more"] if more > 0 else [])


def _over(numerator: Rounds, denominator: Rounds) -> Mapping[tuple[int, int], float]:
    common = sorted(numerator.keys() & denominator.keys())
    return {key: numerator[key] / denominator[key] for key in common}


def _time(record: Record) -> float:
    found = record.interval_of()
    assert found is not None  # ranked records have been timed
    return found.estimate
