"""Causes that no trace can weigh: surroundings, what holds a step up, memory, sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from bench.judging.comparing.matching import Match
from bench.judging.comparing.row import Row
from bench.judging.record import Record
from bench.judging.words import size
from reports.explanation.cause import Cause

# What was asked for, and of which code: no surroundings of a step.
OF_ASKING = ("commit", "preset", "sampling", "rounds")
# What a GPU did while a case was timed.
READINGS = {
    "sm_clock": "SM clock",
    "memory_clock": "memory clock",
    "power": "power",
    "temperature": "temperature",
}
THROTTLED = "throttled_by"
BOUND = {
    "launch": "launch-bound",
    "device": "device-bound",
    "blocking": "waiting for the device in every call",
}


def around(match: Match, amounts: Sequence[Row]) -> Iterator[Cause]:
    """Yield what differs around a case, and the `amounts` that changed beside its time."""
    told = [str(d) for d in match.versus.differences if d.name not in OF_ASKING]
    if both := match.both:
        told += [*_readings(*both), *_throttling(*both)]
        if words := _bound(*both):
            yield Cause("bound", words)
    if told:
        yield Cause("surroundings", "; ".join(told))
    if amounts:
        yield Cause("memory", "; ".join(map(_moved, amounts)))
    if match.base and match.new and match.base.case.source_hash != match.new.case.source_hash:
        yield Cause("source", "the case's own code differs")


def _readings(base: Record, new: Record) -> Iterator[str]:
    """Tell what was read of a GPU while it was timed, where no round of both sides agrees."""
    for name, called in READINGS.items():
        before, after = _span(base, name), _span(new, name)
        if before and after and (before[1] < after[0] or after[1] < before[0]):
            was, now = base.figure_of(name), new.figure_of(name)
            yield f"{called} {was:.4g} → {now:.4g} {new.units.get(name, '')}".rstrip()


def _span(record: Record, quantity: str) -> tuple[float, float] | None:
    """Return the least and the greatest of the rounds' medians; None where there is none."""
    rounds = record.samples.get(quantity, {}).values()
    found = [median(map(median, processes)) for processes in rounds]
    return (min(found), max(found)) if found else None


def _throttling(base: Record, new: Record) -> Iterator[str]:
    was, now = (record.labels.get(THROTTLED, "nothing") for record in (base, new))
    if was != now:
        yield f"throttled by {was} → {now}"


def _bound(base: Record, new: Record) -> str:
    """Say what holds the step up, where that is another thing now."""
    was, now = (record.labels.get("bound", "") for record in (base, new))
    if not was or not now or was == now:
        return ""
    words = [BOUND.get(name, name) for name in (was, now)]
    return f"{words[0]} → {words[1]}"


def _moved(row: Row) -> str:
    values = (row.base or 0.0, row.new or 0.0)
    was, now = (size(v) if row.unit == "bytes" else f"{v:.4g}" for v in values)
    return f"{row.quantity} {was} → {now}"
