"""The fastest policy whose loss is float32's, what it saves and what it risks. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import (
    LEVEL,
    Answer,
    Interval,
    Record,
    counted,
    listed,
    log_ratios,
    name_of,
    near,
    ratio,
    span,
    what_settles,
)
from suites.precision import fitting, risk
from suites.precision.naming import EXACT, TELLING

QUESTION = "Which precision is fastest at no measurable loss against float32, and what is the risk?"
SAME_LOSS = 0.01  # of float32's final loss: below what another seed changes
MOST = 3


class Beside:
    """Policies of one question beside float32, with intervals that hold together."""

    def __init__(self, base: Record, others: Sequence[Record]):
        self.base, self.others = base, others
        self.level = 1 - (1 - LEVEL) / max(len(others) * (len(others) + 1) / 2, 1)

    def speedup(self, record: Record, over: Record | None = None) -> Interval | None:
        """Return how many times as fast as float32, or as another one."""
        other = over or self.base
        if not (record.ranked and other.ranked):
            return None
        return ratio(other.rounds_of(), record.rounds_of(), self.level)

    def faster(self) -> list[Record]:
        """Return what is faster than float32 beyond doubt."""
        return [r for r in self.others if _above_1(self.speedup(r))]

    def fastest(self, field: list[Record]) -> list[Record]:
        """Return what no other one of a field is faster than beyond doubt."""
        return [
            r for r in field if not any(_above_1(self.speedup(o, r)) for o in field if o is not r)
        ]


def answers(records: Sequence[Record]) -> list[Answer]:
    """Say what to train with, workload by workload, and what the telling one says against it."""
    asked = [beside for beside in _questions(records) if beside.others and _tells(beside.base)]
    telling = [beside for beside in asked if beside.base.case.problem == TELLING]
    others = [beside for beside in asked if beside.base.case.problem != TELLING]
    usual = [beside for beside in others if beside.base.samples.get("time")] or others
    told = [risk.answer(beside.base, beside.others) for beside in telling[:1]]
    last = [found for found in (*told, fitting.answer(records)) if found is not None]
    return [*(_answer(beside, telling) for beside in usual[: MOST - len(last)]), *last]


def columns(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Return model-FLOPs utilisation, products per second over the ceiling of their dtype."""
    bound = (r for r in records if r.roofline and r.roofline.limit == "compute")
    shares = {r.case.id: r.roofline_share for r in bound}
    known = {case: share for case, share in shares.items() if share is not None}
    return {"mfu_share": known}


def _tells(base: Record) -> bool:
    """Say whether a question was asked of speed or loss, and not of memory or one step alone."""
    return bool(base.samples.get("time") or base.trajectories)


def _questions(records: Sequence[Record]) -> list[Beside]:
    grouped: dict[str, list[Record]] = {}
    for record in (r for r in records if r.outcome == "ok"):
        grouped.setdefault(record.case.question, []).append(record)
    return [
        Beside(base, [record for record in group if record is not base])
        for group in grouped.values()
        for base in [record for record in group if record.case.variant == EXACT][:1]
    ]


def _answer(beside: Beside, telling: Sequence[Beside]) -> Answer:
    faster = beside.faster()
    same = [record for record in faster if _loss(record) == "holds"]
    where = _where(beside.base)
    if same:
        best = beside.fastest(same)
        risks = risk.told(best, [record for other in telling for record in other.others])
        return Answer(f"{where}: {_take(beside, best)}{risks}.", [*best, beside.base])
    if not faster:
        return Answer(f"{where}: {_none_faster(beside)}.", [beside.base, *beside.others])
    return Answer(f"{where}: {_at_a_loss(beside, faster)}.", [*faster, beside.base])


def _at_a_loss(beside: Beside, faster: list[Record]) -> str:
    """Say what is faster, and why none of it may be taken."""
    names = listed(_names(faster))
    quick = f"{names} {'is' if len(faster) == 1 else 'are'} {_speed(beside, faster)} as fast"
    gaps = [record.quality_of("loss_gap") for record in faster]
    if all(gap is not None and gap.low is None for gap in gaps):
        return f"{quick} as float32, but one seed cannot tell what that does to the loss"
    told = "; ".join(f"{r.case.variant} {_gap(r)}" for r in faster[:MOST])
    return f"{quick} as float32, but not at a loss shown to be within 1 % of its own ({told})"


def _take(beside: Beside, best: list[Record]) -> str:
    names = _names(best)
    take = f"take {names[0]}" if len(best) == 1 else f"take any of {listed(names)}, which tie"
    return (
        f"{take}, {_speed(beside, best)} as fast as float32{_memory(beside, best)}; the loss "
        f"ends within 1 % of float32's{_bounds(best)}"
    )


def _none_faster(beside: Beside) -> str:
    """Say that nothing is faster for sure, and what would settle it for the nearest to being so."""
    timed = [(found, r) for r in beside.others if (found := beside.speedup(r)) is not None]
    if not timed:
        return "no policy was timed beside float32, so that nothing is told of its speed"
    found, ahead = max(timed, key=lambda pair: pair[0].estimate)
    name = ahead.case.variant
    if found.low is not None and found.high is not None and found.high <= 1:
        speed = span(found.low, found.high)
        return f"stay with float32; the fastest beside it, {name}, is {speed} as fast"
    logs = log_ratios(beside.base.rounds_of(), ahead.rounds_of())
    settles = what_settles(logs, level=beside.level)
    return f"no policy is shown to be faster than float32 ({name} is nearest to it: {settles})"


def _speed(beside: Beside, records: list[Record]) -> str:
    found = [speed for r in records if (speed := beside.speedup(r)) is not None]
    return span(min(f.low or 0.0 for f in found), max(f.high or 0.0 for f in found))


def _memory(beside: Beside, best: list[Record]) -> str:
    """Say what share of float32's peak the policies need: counted, without an interval."""
    base = beside.base.values.get("peak")
    peaks = [record.values["peak"] for record in best if "peak" in record.values]
    if not base or not peaks:
        return ""
    ends = dict.fromkeys(f"{peak / base:.2f}" for peak in (min(peaks), max(peaks)))
    return f" in {'–'.join(ends)} of its memory"


def _loss(record: Record) -> str:
    """Judge whether a policy ends at float32's loss, on the same weights and batches of a seed."""
    gap, final = (record.quality_of(name) for name in ("loss_gap", "final_loss"))
    if gap is None or final is None:
        return "untested"
    return near(gap, 0.0, SAME_LOSS * (final.estimate - gap.estimate))


def _gap(record: Record) -> str:
    gap = record.quality_of("loss_gap")
    if gap is None:
        return "diverges" if "diverged_at_step" in record.trajectories else "was not trained"
    if gap.low is None or gap.high is None:
        return f"ends {gap.estimate:+.3g} off, from one seed, which tells nothing"
    return f"ends {gap.low:+.3g} to {gap.high:+.3g} off over {gap.count} seeds"


def _bounds(best: list[Record]) -> str:
    gaps = [gap for record in best if (gap := record.quality_of("loss_gap"))]
    low, high = min(gap.low or 0.0 for gap in gaps), max(gap.high or 0.0 for gap in gaps)
    return f" ({low:+.2g} to {high:+.2g} over {counted(gaps[0].count, 'seed')})"


def _names(records: Sequence[Record]) -> list[str]:
    cases = [record.case for record in records]
    return [name_of(case, cases) for case in cases]


def _above_1(found: Interval | None) -> bool:
    return found is not None and found.low is not None and found.low > 1


def _where(record: Record) -> str:
    values = record.case.values
    sizes = [f"{name} {values[name]}" for name in ("dim", "channels") if name in values]
    return f"{record.case.problem.removesuffix('Training')} {' '.join(sizes)}".strip()
