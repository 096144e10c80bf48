"""What is fastest: within one question, by ratios over common rounds, corrected for the field."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.judging.record import Record
from bench.judging.statistics import LEVEL, Interval, ratio


@dataclass(frozen=True)
class Rival:
    """A slower contestant, and how many times the winner's time it takes."""

    record: Record
    ratio: Interval
    tied: bool


@dataclass(frozen=True)
class Ranking:
    """The answer to one question: the fastest, and its rivals from near to far.

    `clock` is told where others were timed by another one, which are ranked among themselves.
    `level` is that of every ratio's interval, so that all hold together.
    """

    question: str
    fastest: Record
    rivals: list[Rival]
    clock: str = ""
    level: float = LEVEL

    @property
    def tied(self) -> list[Rival]:
        """Return the rivals whose interval holds 1: this run cannot tell them from the fastest."""
        return [rival for rival in self.rivals if rival.tied]


def rankings(records: list[Record]) -> list[Ranking]:
    """Rank every question that at least two unflagged `ok` records answer, in order of appearance.

    The error rate is divided by the k (k - 1) / 2 pairs of a question: the fastest is chosen by
    looking, so any pair may be among those shown.
    """
    found = []
    for question, by_clock in _fields(records).items():
        for clock, field in by_clock.items():
            if len(field) > 1:
                told = clock if len(by_clock) > 1 else ""
                found.append(replace(_rank(question, field), clock=told))
    return [ranking for ranking in found if ranking.rivals]


def timed_apart(records: list[Record]) -> list[Record]:
    """Return what no rival shares a clock with, where a question has several: ranked with none."""
    questions = [by_clock for by_clock in _fields(records).values() if len(by_clock) > 1]
    return [field[0] for by_clock in questions for field in by_clock.values() if len(field) == 1]


def _fields(records: list[Record]) -> dict[str, dict[str, list[Record]]]:
    """Group what may be ranked by question, then by clock: a step that waits has its own."""
    found: dict[str, dict[str, list[Record]]] = {}
    for record in records:
        if record.ranked:
            by_clock = found.setdefault(record.case.question, {})
            by_clock.setdefault(record.labels.get("clock", ""), []).append(record)
    return found


def _rank(question: str, field: list[Record]) -> Ranking:
    ordered = sorted(field, key=_time)
    fastest, others = ordered[0], ordered[1:]
    level = 1 - (1 - LEVEL) / (len(ordered) * len(others) / 2)
    rivals = []
    for record in others:
        found = ratio(record.rounds_of(), fastest.rounds_of(), level)
        if found is not None:
            rivals.append(Rival(record, found, tied=found.low is None or found.low <= 1.0))
    return Ranking(question, fastest, rivals, level=level)


def _time(record: Record) -> float:
    found = record.interval_of()
    assert found is not None  # an `ok` record has been timed
    return found.estimate
