"""What is fastest: within one question, by ratios over common rounds, corrected for the field."""

from __future__ import annotations

from dataclasses import dataclass

from bench.record import Record
from bench.statistics import LEVEL, Interval, ratio


@dataclass(frozen=True)
class Rival:
    """A slower contestant, and how many times the winner's time it takes."""

    record: Record
    ratio: Interval
    tied: bool


@dataclass(frozen=True)
class Ranking:
    """The answer to one question: the fastest, and its rivals from near to far."""

    question: str
    fastest: Record
    rivals: list[Rival]

    @property
    def tied(self) -> list[Rival]:
        """Return the rivals whose interval holds 1: this run cannot tell them from the fastest."""
        return [rival for rival in self.rivals if rival.tied]


def rankings(records: list[Record]) -> list[Ranking]:
    """Rank every question that at least two unflagged `ok` records answer, in order of appearance.

    The error rate is divided by the k (k - 1) / 2 pairs of a question: the fastest is chosen by
    looking, so any pair may be among those shown.
    """
    questions: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.ranked:
            clock = record.labels.get("clock", "")  # a step that waits has another than its rivals
            questions.setdefault((record.case.question, clock), []).append(record)
    found = [_rank(q, field) for (q, _), field in questions.items() if len(field) > 1]
    return [ranking for ranking in found if ranking.rivals]


def _rank(question: str, field: list[Record]) -> Ranking:
    ordered = sorted(field, key=_time)
    fastest, others = ordered[0], ordered[1:]
    level = 1 - (1 - LEVEL) / (len(ordered) * len(others) / 2)
    rivals = []
    for record in others:
        found = ratio(record.rounds_of(), fastest.rounds_of(), level)
        if found is not None:
            rivals.append(Rival(record, found, tied=found.low is None or found.low <= 1.0))
    return Ranking(question, fastest, rivals)


def _time(record: Record) -> float:
    found = record.interval_of()
    assert found is not None  # an `ok` record has been timed
    return found.estimate
