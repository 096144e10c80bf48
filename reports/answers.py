"""What a suite says of its records: its answers, or what is fastest, and columns of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from bench.judging.answer import MOST, Answer
from bench.judging.ranking import Ranking, rankings, timed_apart
from bench.judging.record import Record
from bench.judging.settling import what_settles_tie
from bench.judging.words import listed, name_of, span, tied
from reports.words import shape

Columns = dict[str, dict[str, float]]  # by case and by name

QUESTION = "What is fastest?"
NUM_NAMED = 3  # of the variants that win somewhere


@dataclass(frozen=True)
class Said:
    """One answer: the sentence, and the names of the cases that it stands on."""

    sentence: str
    rows: list[str]


@dataclass(frozen=True)
class Opening:
    """What is said of a suite before anything else."""

    question: str
    answers: list[Said]


def opening(records: list[Record]) -> Opening:
    """Let a suite answer its own question; without a word of it, say what is fastest.

    Of a user's own problems that is the suite whose kind they are of.
    """
    questions, said = list[str](), list[Said]()
    for speaker, own in by_speaker(records).items():
        for point in entry_points(group="touchstone.answers", name=speaker):
            try:
                question, answers = _asked(point, own)
            except Exception as error:
                said.append(_unsaid(f"The answers of {speaker}", error))
            else:
                questions.append(question)
                said += answers
    told = said or [_said(what_is_fastest(records))]
    faults = [fault for own in by_speaker(records).values() for fault in _told_columns(own)[1]]
    return Opening(" ".join(dict.fromkeys(questions)) or QUESTION, told + faults)


def by_speaker(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Group records by the suite that speaks of them, in order of appearance."""
    grouped: dict[str, list[Record]] = {}
    for record in records:
        grouped.setdefault(record.case.spoken_for_by, []).append(record)
    return grouped


def told_columns(records: Sequence[Record]) -> Columns:
    """Return, by case, what its suite reads of it beside others: a value for each of its columns.

    A suite that raises here says so where it answers, and costs no other suite its columns.
    """
    found: Columns = {}
    for suite in sorted({record.case.suite for record in records}):
        for own in by_speaker(r for r in records if r.case.suite == suite).values():
            found |= _told_columns(own)[0]
    return found


def _told_columns(records: Sequence[Record]) -> tuple[Columns, list[Said]]:
    """Ask the suite of these for its columns, if it has any; tell where one raises."""
    found: Columns = {}
    suite = records[0].case.spoken_for_by if records else ""
    for point in entry_points(group="touchstone.answers", name=suite):
        try:
            asked = getattr(point.load(), "columns", None)
            for name, values in (asked(records) if asked else {}).items():
                for case, value in values.items():
                    found.setdefault(case, {})[name] = float(value)
        except Exception as error:
            return {}, [_unsaid(f"The columns of {suite}", error)]
    return found, []


def _asked(point: EntryPoint, records: list[Record]) -> tuple[str, list[Said]]:
    module = point.load()
    question = str(getattr(module, "QUESTION", QUESTION))
    return question, [_said(answer) for answer in module.answers(records)][:MOST]


def _said(answer: Answer) -> Said:
    return Said(str(answer.sentence), [_row(record) for record in answer.records])


def _row(record: Record) -> str:
    case = record.case
    return f"{name_of(case, [])} {shape(case)} {case.dtype} {case.pass_}"


def _unsaid(what: str, error: Exception) -> Said:
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return Said(f"{what} could not be made: {words[:300]}", [])


def what_is_fastest(records: list[Record]) -> Answer:
    """Say in a sentence or two what wins how often, how far ahead, and what ties."""
    found = rankings(records)
    if not found:
        return Answer(_nothing_ranked(records))
    won, open_ = [r for r in found if not r.tied], [r for r in found if r.tied]
    words = [_winners(won, len(found)), _ties(open_, len(found))]
    return Answer(" ".join(filter(None, words)), [ranking.fastest for ranking in found])


def _winners(won: Sequence[Ranking], num_questions: int) -> str:
    """Name who wins, how often and by what factors, as all their intervals have it."""
    if not won:
        return ""
    by_name: dict[str, list[Ranking]] = {}
    for ranking in won:
        by_name.setdefault(ranking.fastest.case.variant, []).append(ranking)
    often = sorted(by_name.items(), key=lambda item: -len(item[1]))
    told = [f"{name} {_often(own, num_questions)}" for name, own in often[:NUM_NAMED]]
    more = [f"{name} {len(own)}" for name, own in often[NUM_NAMED:]]
    tail = f"; others: {', '.join(more)}" if more else ""
    return f"Fastest: {', '.join(told)}{tail}."


def _often(won: Sequence[Ranking], num_questions: int) -> str:
    nearest = [ranking.rivals[0].ratio for ranking in won]
    ahead = span(min(r.low or 0.0 for r in nearest), max(r.high or 0.0 for r in nearest))
    times = f"in {len(won)} of {num_questions} questions, " if num_questions > 1 else ""
    return f"({times}{ahead} as fast as the next)"


def _ties(open_: Sequence[Ranking], num_questions: int) -> str:
    """Say in how many questions the fastest tie, which do in the last, and what would settle it."""
    if not open_:
        return ""
    last = open_[-1]
    rivals = [rival.record for rival in last.rivals]
    field = [record.case for record in (last.fastest, *rivals)]
    names = [name_of(field[0], field), *(name_of(t.record.case, field) for t in last.tied)]
    settles = what_settles_tie(last)
    if num_questions == 1:
        return f"{tied(names)} ({settles})."
    often = f"In {len(open_)} of {num_questions} questions the fastest tie"
    return f"{often}, as {listed(names)} do ({settles})."


def ranked_with_none(records: list[Record]) -> str:
    """Name what is ranked with nobody, since its rivals were timed by another clock."""
    names = dict.fromkeys(record.case.variant for record in timed_apart(records))
    return f"Ranked with none, timed by another clock: {', '.join(names)}." if names else ""


def _nothing_ranked(records: list[Record]) -> str:
    """Say why no time is ranked: flags, or no two answers to a question."""
    flags = Counter(flag for record in records if record.outcome == "ok" for flag in record.flags)
    if flags:
        told = ", ".join(f"{count} {flag}" for flag, count in flags.most_common())
        return f"No time is ranked: of the cases measured, {told}."
    if not any(record.outcome == "ok" for record in records):
        return "Nothing was measured; below is why."
    return "No question has two timed answers, so nothing is ranked."
