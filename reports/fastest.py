"""What is fastest in each question, in tables: grouped by what the questions share."""

from __future__ import annotations

from dataclasses import dataclass

from bench.cases.case import Case
from bench.judging.ranking import Ranking, rankings
from bench.judging.record import Record
from bench.judging.statistics import Interval
from bench.judging.words import factor, name_of, plus_minus, rounds_without_spread, seconds, tied
from reports.words import shape


@dataclass(frozen=True)
class Fastest:
    """One line of a table: at this size, this variant, by this factor.

    `slowest` is empty where there is but one rival.
    """

    size: str
    fastest: str
    time: str
    interval: str
    ties: list[str]
    next: str
    next_factor: str
    slowest: str
    slowest_factor: str

    @property
    def tie(self) -> str:
        """Name those that tie with the fastest, and it among them; empty where none does."""
        return tied([self.fastest, *self.ties]) if self.ties else ""


@dataclass(frozen=True)
class Family:
    """Lines that differ only in size."""

    title: str
    answers: list[Fastest]


def families(records: list[Record]) -> list[Family]:
    """Group the rankings by everything but the numbers that vary within a problem."""
    grouped: dict[tuple[str, ...], list[Ranking]] = {}
    for ranking in rankings(records):
        clock = (f"by {ranking.clock}",) if ranking.clock else ()
        grouped.setdefault(_family(ranking.fastest.case) + clock, []).append(ranking)
    return [_as_family(key, group) for key, group in grouped.items()]


def _family(case: Case) -> tuple[str, ...]:
    """Return what is no number and sets questions apart; a usual setting goes without saying."""
    switches = [name for name, value in case.values.items() if value is True]
    kinds = [f"{name}={value}" for name, value in case.values.items() if isinstance(value, str)]
    unusual = [f"{case.threads} threads"] if case.threads > 1 else []
    unusual += [f"{case.ranks} ranks"] if case.ranks > 1 else []
    unusual += ["system allocator"] if case.allocator == "system" else []
    unusual += ["cold cache"] if case.cache == "cold" else []
    return (case.problem, *kinds, *switches, case.dtype, case.pass_, case.device, *unusual)


def _as_family(key: tuple[str, ...], group: list[Ranking]) -> Family:
    cases = [ranking.fastest.case for ranking in group]
    values = cases[0].values
    constant = {n for n in values if all(case.values.get(n) == values[n] for case in cases)}
    varying = values.keys() - constant
    said = {name for name, value in values.items() if value is True or isinstance(value, str)}
    same = shape(cases[0], leave_out=varying | said)
    title = " · ".join([*key, *([same] if same else [])])
    return Family(title, [_fastest(ranking, constant) for ranking in group])


def _fastest(ranking: Ranking, constant: set[str]) -> Fastest:
    case, found = ranking.fastest.case, ranking.fastest.interval_of()
    assert found is not None
    near, far = ranking.rivals[0], ranking.rivals[-1]
    field = [case, *(rival.record.case for rival in ranking.rivals)]
    return Fastest(
        size=shape(case, leave_out=constant),
        fastest=name_of(case, field),
        time=seconds(found.estimate),
        interval=plus_minus(found),
        ties=[name_of(rival.record.case, field) for rival in ranking.tied],
        next=name_of(near.record.case, field),
        next_factor=_over_rounds(near.ratio),
        slowest=name_of(far.record.case, field) if far is not near else "",
        slowest_factor=_over_rounds(far.ratio) if far is not near else "",
    )


def _over_rounds(ratio: Interval) -> str:
    """Write a factor over rounds, and why it has no bounds where it has none."""
    why = f" ({rounds_without_spread(ratio)})" if ratio.half_width is None else ""
    return factor(ratio) + why
