"""A selftest in words: a table by kind, and sentences that say what follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from bench.cases.counted import counted
from bench.judging.rule import CONFIRM_PAIRS, LOOK_PAIRS
from bench.judging.statistics import t_quantile
from bench.running.proving.selftest.alarms import FIRST_ROUNDS, LEAST_ROUNDS, Alarms
from bench.running.proving.selftest.findings import NUM_CASES, NUM_PROCESSES, KindFindings
from bench.running.proving.selftest.parts import Part
from bench.store.spread import LEAST_OCCASIONS, Spread
from bench.system.terminal import Screen

CLOCK_NAMES = {"time": "wall", "thread_time": "thread"}
REDUCER_SIGNS = {"low_quartile": "Q1", "faster_half": "½"}  # in a narrow column
UNKNOWN = "–"


DISTURBED = 0.1  # of the timed attempts: more is worth a word


def show(
    console: Screen,
    found: Sequence[KindFindings],
    alarms: Alarms | None,
    num_selftests: int,
    disturbed: float,
) -> None:
    """Print the table, and the sentences below it."""
    console.print(table(found))
    if any(one.parts for one in found):
        console.print(parts_table(found))
    for sentence in sentences(found, alarms, num_selftests):
        console.print(sentence)
    if disturbed > DISTURBED:
        console.print(
            f"{disturbed:.0%} of the attempts were disturbed (see `bench doctor`): "
            "this is the noise of a busy machine. Remove the file below to start anew.",
            style="yellow",
        )


def table(found: Sequence[KindFindings]) -> Table:
    """Return one row a kind; fits 80 columns."""
    made = Table(box=None, padding=(0, 1, 0, 0))
    made.add_column("kind")
    made.add_column("judged")
    for heading in ("samples", "process", "pair", "drift", "alike", "session"):
        made.add_column(heading, justify="right")
    for processes in NUM_PROCESSES:
        made.add_column(f"in {processes}", justify="right")
    for one in found:
        made.add_row(*_row(one))
    return made


def in_words(judged: str) -> str:
    """Say what is judged: a clock, and what of a process's samples where that is no median."""
    clock, _, reducer = judged.partition(":")
    return " ".join(filter(None, [CLOCK_NAMES[clock], REDUCER_SIGNS.get(reducer, reducer)]))


def _row(one: KindFindings) -> list[str]:
    alike = UNKNOWN if one.autocorrelation is None else f"{one.autocorrelation:+.2f}"
    return [
        one.kind,
        in_words(one.judged),
        _percent(one.within),
        _sd(one.process),
        _sd(one.pair),
        _percent(None if one.drift is None else math.expm1(one.drift), sign="+"),
        alike,
        _sd(one.session),
        *(_percent(one.visible(processes)) for processes in NUM_PROCESSES),
    ]


def parts_table(found: Sequence[KindFindings]) -> Table:
    """Return one row a kind: where its noise arises."""
    made = Table(box=None, padding=(0, 1, 0, 0))
    made.add_column("kind")
    for heading in ("calls of 1 s", "process", "round", "session"):
        made.add_column(heading, justify="right")
    for one in found:
        if one.parts:
            levels = (one.parts.call, one.parts.fork, one.parts.round, one.parts.session)
            made.add_row(one.kind, *map(_part, levels))
    return made


def _part(part: Part | None) -> str:
    if part is None:
        return UNKNOWN
    return f"{_percent(part.sd)} ({100 * part.low:.1f}–{100 * part.high:.1f})"


def _sd(spread: Spread | None) -> str:
    return _percent(spread.sd if spread else None)


def _percent(share: float | None, sign: str = "") -> str:
    if share is None:
        return UNKNOWN
    return f"{share:{sign}.1%}" if share < 1 else ">100%"


def sentences(
    found: Sequence[KindFindings], alarms: Alarms | None, num_selftests: int
) -> Iterator[str]:
    """Yield what the table means, in plain sentences."""
    yield (
        "Standard deviations of the same code: of samples within a process; from process to "
        "process in a session, each from a server of its own; of a process in its pair; from "
        "session to session, in all selftests kept. Drift is from the first round to the last; "
        "alike is the correlation of a round with the one before. In 3, 5, 10: the smallest "
        f"change that so many processes a side show, corrected for {NUM_CASES} cases at once."
    )
    changes = {one.kind: change for one in found if (change := one.visible(FIRST_ROUNDS))}
    if changes:
        yield f"With {FIRST_ROUNDS} rounds a change of {_span(changes)} shows four times in five."
    if any(one.parts for one in found):
        yield (
            "The second table takes a round apart (95 %): what a second of calls leaves open, what "
            "one more process of the same server differs by, what the round's server adds, and "
            "what a session adds. How many processes a round takes follows from the first two."
        )
    yield _alarms(alarms)
    yield _apart(found, num_selftests)
    yield from _clocks(found)


def _span(changes: Mapping[str, float]) -> str:
    """Write the smallest and the largest of changes by kind."""
    best, worst = min(changes, key=changes.__getitem__), max(changes, key=changes.__getitem__)
    ends = [f"{_percent(changes[kind])} ({kind})" for kind in dict.fromkeys((best, worst))]
    return " to ".join(ends)


def _alarms(alarms: Alarms | None) -> str:
    if alarms is None:
        return (
            f"False alarms: not counted; expected at least {LEAST_ROUNDS} rounds "
            "of a case, for a first stage and its confirmation."
        )
    return (
        f"False alarms: {alarms.rate:.1%} (95 %: {alarms.low:.1%} to {alarms.high:.1%}) of "
        f"{alarms.comparisons} pretend comparisons of {alarms.num_cases} unchanged cases, by the "
        f"rule of `bench ab` with {FIRST_ROUNDS} rounds, {LOOK_PAIRS} pairs to look again and "
        f"{CONFIRM_PAIRS} to confirm. They relabel rounds of one pool of "
        f"{counted(alarms.num_workloads, 'workload')}, so that other workloads and other days are "
        "not covered."
    )


def _apart(found: Sequence[KindFindings], num_selftests: int) -> str:
    """Say how far two runs of the same code may differ; 95 %, from the sessions known."""
    reach = {one.kind: _reach(one.session) for one in found if one.session}
    if not reach:
        return (
            "How far two runs recorded apart differ is unknown yet: expected at least 3 sessions."
        )
    told = f"Two runs recorded apart may differ by {_span(reach)} though nothing changed"
    if num_selftests < LEAST_OCCASIONS:
        told += ", and by more on different days: repeat this on at least 3"
    return f"{told}. Compare them with `bench ab`."


def _reach(session: Spread) -> float:
    quantile = t_quantile(0.975, session.freedom)
    return math.expm1(quantile * math.sqrt(2) * session.sd)


def _clocks(found: Sequence[KindFindings]) -> Iterator[str]:
    for judged in sorted({one.judged for one in found} - {"time"}):
        kinds = [one.kind for one in found if one.judged == judged]
        yield (
            f"For {', '.join(kinds)} {_figure(judged)} is judged: it is clearly steadier than the "
            "wall's median here."
        )


def _figure(judged: str) -> str:
    clock, _, reducer = judged.partition(":")
    whose = {"time": "wall time", "thread_time": "the thread's CPU time"}[clock]
    return f"the {reducer.replace('_', ' ')} of {whose}" if reducer else whose
