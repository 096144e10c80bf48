"""Quantities sampled over rounds, judged by the rule: as pairs, or as runs recorded apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from bench.cases.kind import kind_of
from bench.judging.apart import Apart, judge_apart
from bench.judging.bounds import slower_at_most
from bench.judging.comparing.matching import Match
from bench.judging.comparing.row import Row
from bench.judging.comparing.words import TIME, Word
from bench.judging.record import Record
from bench.judging.reducing import told
from bench.judging.rule import Pairs, judge_pairs, still_suspects
from bench.judging.statistics import Interval, Rounds, interval
from bench.judging.verdict import Change

GROUPS = {TIME: "time", "compile": "first_call", "energy": "energy"}
# Flags that mean noise and no bias. Sides that took turns met it alike, and the test of their pairs
# is exact under noise of moments, so that a busy machine is slow to convince and not silent.
NOISE = ("contended",)
IN_WORDS: dict[str, Word] = {"slower": "worse", "faster": "better"}  # of what is no time


@dataclass(frozen=True)
class Sampled:
    """One quantity of a case that both sides sampled over rounds, always above 0."""

    match: Match
    quantity: str
    base: Rounds
    new: Rounds
    barred: str


def round_rows(matches: Sequence[Match], margin: float) -> list[Row]:
    """Judge each group of quantities over all cases at once, of every NEW."""
    rows: list[Row] = []
    for group, quantity in GROUPS.items():
        found = [_sampled(m, _clock(m) if group == TIME else quantity) for m in matches]
        rows += _judge([s for s in found if s is not None], group, margin)
    return rows


def suspected(matches: Sequence[Match]) -> list[Match]:
    """Return those whose times look changed so far, by the rule that will judge them."""
    found = [_sampled(m, _clock(m)) for m in matches]
    open_ = [s for s in found if s is not None and not s.barred]
    return [open_[i].match for i in still_suspects([_pairs(s) for s in open_])]


def unexcluded(
    matches: Sequence[Match], margin: float, at_most: float, limits: Mapping[str, float]
) -> list[Match]:
    """Return those that may be slower by more than their limit, but for what is confirmed slower.

    Nothing is excluded before a first look, however it seems. More rounds say nothing of what is
    barred, so that it is left out.
    """
    found = [_sampled(m, _clock(m)) for m in matches]
    open_ = [s for s in found if s is not None and not s.barred]
    changes = _judge_pairs([_pairs(s) for s in open_], margin)
    return [
        s.match
        for s, change in zip(open_, changes, strict=True)
        if change.verdict != "slower"
        and (
            len(_pairs(s).logs) < _looks(s)[0]
            or not excludes(change.slower_at_most, limits.get(kind_of(s.match.case), at_most))
        )
    ]


def excludes(bound: float | None, at_most: float) -> bool:
    """Say whether a bound leaves no slowdown beyond a limit."""
    return bound is not None and bound <= at_most


def _clock(match: Match) -> str:
    """Return the quantity that is judged for this kind of case: both runs fixed it beforehand."""
    judged = match.versus.judged.get(kind_of(match.case), "time")
    quantity, _ = told(judged)
    both = match.both
    return judged if both and all(quantity in record.samples for record in both) else "time"


def _sampled(match: Match, quantity: str) -> Sampled | None:
    if match.both is None:
        return None
    base, new = (_positive_rounds(record, quantity) for record in match.both)
    if not base or not new:
        return None
    return Sampled(match, quantity, base, new, barred_by(match))


def _positive_rounds(record: Record, judged: str) -> Rounds:
    """Return one value a round; nothing where a value of 0 has no logarithm."""
    quantity, reduce = told(judged)
    samples = record.samples.get(quantity, {})
    every = (process for found in samples.values() for process in found)
    if any(min(process) <= 0 and reduce(process) <= 0 for process in every):
        return {}
    return record.rounds_of(judged)


def barred_by(match: Match) -> str:
    """Say what forbids a verdict on the times of a case; empty where nothing does."""
    assert match.both is not None
    paired = match.versus.paired
    if match.versus.void:
        return f"forced: {match.versus.void[0]}"
    base, new = match.both
    for record, side in ((base, "BASE"), (new, "NEW")):
        flags = [flag for flag in record.flags if not (paired and flag in NOISE)]
        if flags:
            return f"{', '.join(flags)} in {side}"
    return _of_another(match, "clock", "timed by other clocks") or (
        "" if paired else _of_another(match, "malloc", "served by other mallocs")
    )


def _of_another(match: Match, label: str, what: str) -> str:
    """Say that a label of both sides differs; empty where it does not, or where one has none."""
    assert match.both is not None
    base, new = (record.labels.get(label, "") for record in match.both)
    differs = base != new and (label == "clock" or (base and new))
    return f"{what}: {base} and {new}" if differs else ""


def _judge(found: Sequence[Sampled], group: str, margin: float) -> list[Row]:
    barred = [s for s in found if s.barred]
    paired = [s for s in found if not s.barred and s.match.versus.paired]
    apart = [s for s in found if not s.barred and not s.match.versus.paired]
    changes = [
        *((s, Change("unclear", _bare_ratio(s), why=s.barred)) for s in barred),
        *zip(paired, _judge_pairs([_pairs(s) for s in paired], margin), strict=True),
        *zip(apart, judge_apart([_apart(s, group) for s in apart], margin), strict=True),
    ]
    return [_row(s, group, change) for s, change in changes]


def _judge_pairs(cases: Sequence[Pairs], margin: float) -> list[Change]:
    """Judge pairs by the rule, and bound what may have passed it."""
    bounds = zip(judge_pairs(cases, margin), slower_at_most(cases), strict=True)
    return [replace(change, slower_at_most=bound) for change, bound in bounds]


def _pairs(sampled: Sampled) -> Pairs:
    """Split the rounds that both sides have into stages: first, a look, what confirms, and more."""
    versus = sampled.match.versus
    confirm = versus.base.manifest.checkpoints[0] + versus.look_pairs
    begins = (_first_rounds(sampled), confirm, _more_begins(sampled))
    stages: list[list[tuple[float, float]]] = [[], [], [], []]
    for key in sorted(sampled.base.keys() & sampled.new.keys()):
        stage = sum(key[1] >= begin for begin in begins)
        stages[stage].append((sampled.base[key], sampled.new[key]))
    first_stage, look, confirmed, more = stages
    return Pairs(first_stage, confirmed, more, _looks(sampled), look)


def _first_rounds(sampled: Sampled) -> int:
    base = sampled.match.versus.base.manifest
    return sampled.match.case.most_rounds(base.checkpoints[0])


def _more_begins(sampled: Sampled) -> float:
    """Return the first round that only excludes; confirmation ends where it was planned to."""
    versus = sampled.match.versus
    if not versus.looks or versus.confirm_pairs is None:
        return math.inf
    return versus.base.manifest.checkpoints[0] + versus.look_pairs + versus.confirm_pairs


def _looks(sampled: Sampled) -> tuple[int, ...]:
    """Return at how many pairs a bound is looked at: once a stage, or as was planned."""
    versus, first = sampled.match.versus, _first_rounds(sampled)
    if versus.looks:
        return versus.looks
    stages = filter(None, (first, versus.look_pairs, versus.confirm_pairs))
    return tuple(accumulate(stages))


def _apart(sampled: Sampled, group: str) -> Apart:
    versus = sampled.match.versus
    spread = None
    if group == TIME:  # what sessions do to compilers and power was never learned
        spread = versus.session_spread(kind_of(sampled.match.case))
    return Apart(sampled.base, sampled.new, spread)


def _row(sampled: Sampled, group: str, change: Change) -> Row:
    record = sampled.match.both[0] if sampled.match.both else None
    unit = record.units.get(told(sampled.quantity)[0], "s") if record else "s"
    return Row(
        sampled.match,
        sampled.quantity,
        group,
        change.verdict if unit == "s" else IN_WORDS.get(change.verdict, change.verdict),
        unit,
        base=interval(sampled.base).estimate,
        new=interval(sampled.new).estimate,
        ratio=change.ratio,
        p_value=change.p_value,
        rounds_needed=change.rounds_needed,
        why=change.why,
        barred=bool(sampled.barred),
        slower_at_most=change.slower_at_most if group == TIME else None,
    )


def _bare_ratio(sampled: Sampled) -> Interval:
    """Return the ratio without an interval: nothing may be concluded from it."""
    base, new = interval(sampled.base), interval(sampled.new)
    sessions = max(base.sessions, new.sessions)
    return Interval(new.estimate / base.estimate, None, None, new.rounds, sessions)
