"""Quantities measured once a case: exact ones, errors, and single samples that prove nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.judging.comparing.matching import Match
from bench.judging.comparing.quantities import Quantity, judged_how
from bench.judging.comparing.row import Row
from bench.judging.comparing.words import Word
from bench.judging.record import Record
from bench.judging.statistics import Interval

# Half of what one rounding to the type can do. An exact result that is stored in the type errs by
# .4 of it in L2, so that below this an error says nothing of the implementation.
HALF_ROUNDING = {
    "float64": 2.0**-54,
    "float32": 2.0**-25,
    "float16": 2.0**-12,
    "bfloat16": 2.0**-9,
}
JUDGED = ("exact", "error", "sample")
ONE_SAMPLE = "one sample, which gives a ratio and no interval"


def once_rows(matches: Sequence[Match]) -> list[Row]:
    """Compare everything that was measured once, where both sides are ok."""
    return [row for match in matches if match.both for row in _rows(match, *match.both)]


def _rows(match: Match, base: Record, new: Record) -> Iterator[Row]:
    for name in dict.fromkeys([*base.values, *new.values]):
        unit = new.units.get(name, base.units.get(name, ""))
        how = judged_how(name, unit)
        if how.by in JUDGED:
            values = base.values.get(name), new.values.get(name)
            verdict, why = _verdict(match, how, *values)
            if how.group == "memory" and verdict in ("added", "removed"):
                why += _not_counted(base if verdict == "added" else new)
            yield Row(match, name, how.group, verdict, unit, *values, _ratio(*values), why=why)


def _verdict(
    match: Match, how: Quantity, base: float | None, new: float | None
) -> tuple[Word, str]:
    if base is None:
        return "added", "not measured in BASE"
    if new is None:
        return "removed", "not measured in NEW"
    if how.by == "sample":
        return "unclear", ONE_SAMPLE
    if why := _unlike(match, how):
        return "unclear", why
    if how.by == "error":
        least = HALF_ROUNDING.get(match.case.dtype, 0.0)
        base, new = max(base, least), max(new, least)
    return direction(base, new, how.tolerance, how.more_is_better), ""


def _not_counted(record: Record) -> str:
    """Say why memory has no number, where that is known."""
    why = record.labels.get("memory_not_counted")
    return f": {why}" if why else ""


def _unlike(match: Match, how: Quantity) -> str:
    """Say why two values are not of one kind; empty where they are."""
    assert match.both is not None
    if how.by == "error" and match.versus.void:
        # bytes and counts are the code's own on any machine; kernels round as the machine has them
        return f"forced: {match.versus.void[0]}"
    if how.group == "memory":
        counted = [record.labels.get("memory_counted_by", "") for record in match.both]
        if counted[0] != counted[1]:
            return f"counted by {counted[0] or 'nothing named'}, and by {counted[1]}"
    return ""


def direction(base: float, new: float, tolerance: float, more_is_better: bool = False) -> Word:
    """Put a change of a value at least 0 in words; within 1 + tolerance either way it is `same`."""
    low, high = sorted((base, new))
    if high <= low * (1 + tolerance):
        return "same"
    return "better" if (new > base) == more_is_better else "worse"


def _ratio(base: float | None, new: float | None) -> Interval | None:
    if base is None or new is None or base <= 0:
        return None
    return Interval(new / base, None, None, 1, 1)
