"""The answers: what is fastest in each question, grouped by what the questions share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bench.cases.case import Case
from bench.judging.record import Record
from bench.judging.statistics import Interval
from reports.ranking import Ranking, rankings, timed_apart
from reports.words import factor, name_of, plus_minus, rounds_without_spread, seconds, shape


@dataclass(frozen=True)
class Answer:
    """One line of the answer: at this size, this variant, by this factor.

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


@dataclass(frozen=True)
class Family:
    """The answers that differ only in size."""

    title: str
    answers: list[Answer]


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
    return Family(title, [_answer(ranking, constant) for ranking in group])


def _answer(ranking: Ranking, constant: set[str]) -> Answer:
    case, found = ranking.fastest.case, ranking.fastest.interval_of()
    assert found is not None
    near, far = ranking.rivals[0], ranking.rivals[-1]
    field = [case, *(rival.record.case for rival in ranking.rivals)]
    return Answer(
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


def headline(records: list[Record]) -> str:
    """Say in one sentence who wins how often."""
    return " ".join(filter(None, [_winners(records), _apart(records)]))


def _winners(records: list[Record]) -> str:
    ranked = rankings(records)
    wins = Counter(r.fastest.case.variant for r in ranked if not r.tied)
    if not ranked:
        return _nothing_ranked(records)
    told = ", ".join(f"{name} {count}" for name, count in wins.most_common())
    ties = sum(bool(r.tied) for r in ranked)
    tail = f"; in {ties} the fastest cannot be told from its rivals" if ties else ""
    clear = f"fastest beyond doubt: {told}" if told else "none has a clear winner"
    questions = "question" if len(ranked) == 1 else "questions"
    return f"Of {len(ranked)} {questions} with rival answers, {clear}{tail}."


def _apart(records: list[Record]) -> str:
    """Name what is ranked with nobody, since its rivals were timed by another clock."""
    names = dict.fromkeys(record.case.variant for record in timed_apart(records))
    return f"Ranked with none, timed by another clock: {', '.join(names)}." if names else ""


def _nothing_ranked(records: list[Record]) -> str:
    """Say why no time is ranked: flags, or no two answers to a question."""
    flags = Counter(flag for record in records if record.outcome == "ok" for flag in record.flags)
    if flags:
        told = ", ".join(f"{count} {flag}" for flag, count in flags.most_common())
        return f"No time is ranked: of the cases measured, {told}."
    return "No question has two timed answers, so nothing is ranked."
