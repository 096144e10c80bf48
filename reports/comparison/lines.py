"""Rows of a comparison as people read them: units, signs, and what would settle a doubt."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bench.cases.counted import counted
from bench.judging.apart import NO_SPREAD
from bench.judging.comparing.comparison import Comparison
from bench.judging.comparing.once import ONE_SAMPLE
from bench.judging.comparing.quantities import DEFAULT_GATE, GATES, STRUCTURE
from bench.judging.comparing.row import Row
from bench.judging.comparing.words import BAD, CHANGED, GOOD, INCOMPARABLE, OUTCOME, WORDS
from bench.judging.words import factor, seconds, size
from reports.comparison import bounds
from reports.comparison.names import Names

APART = "sessions may differ by as much: bench ab measures both sides now"
MOST_TOLD = 4  # differences of one structure


@dataclass(frozen=True)
class Line:
    """One row, all words."""

    verdict: str
    case: str
    quantity: str
    base: str
    new: str
    change: str
    within: str
    slower_at_most: str
    note: str
    fails: bool


@dataclass(frozen=True)
class Parts:
    """The rows of a comparison by how much a reader needs them.

    `bad` and `good` changed, `other` do something else, `doubtful` may have changed, `quiet` are
    the same or only inform, and `apart` are cases that one side lacks or neither could measure.
    """

    bad: list[Row]
    good: list[Row]
    other: list[Row]
    doubtful: list[Row]
    quiet: list[Row]
    apart: list[Row]

    @property
    def told(self) -> list[Row]:
        """Return the rows that a reader must see."""
        return [*self.bad, *self.good, *self.other]


def parts(comparison: Comparison) -> Parts:
    """Sort rows: worst first, in doubt by how far they seem to have moved."""
    found = Parts([], [], [], [], [], [])
    for row in comparison.rows:
        _part(found, row, comparison.margin).append(row)
    for rows in (found.bad, found.good, found.other, found.doubtful, found.quiet):
        rows.sort(key=lambda row: (WORDS.index(row.verdict), row.group != "time", -_moved(row)))
    return found


def _part(found: Parts, row: Row, margin: float) -> list[Row]:
    if row.verdict in BAD:
        return found.bad
    if row.verdict in GOOD:
        return found.good
    if row.verdict == CHANGED:
        return found.other
    if row.group == OUTCOME and row.verdict in INCOMPARABLE:
        return found.apart
    informs = row.group not in DEFAULT_GATE or row.why == ONE_SAMPLE
    still = row.why == NO_SPREAD and _moved(row) < math.log1p(margin)
    return found.doubtful if row.verdict == "unclear" and not (informs or still) else found.quiet


def _moved(row: Row) -> float:
    """Return how far a row seems to have moved, on the log scale."""
    return abs(math.log(row.ratio.estimate)) if row.ratio and row.ratio.estimate > 0 else 0.0


def line(row: Row, names: Names, gate: Collection[str]) -> Line:
    """Put one row in words."""
    return Line(
        verdict=row.verdict,
        case=names.name(row.match),
        quantity="" if row.group == OUTCOME else row.quantity,
        base=amount(row.base, row.unit),
        new=amount(row.new, row.unit),
        change=change(row),
        within=bounds.within(row),
        slower_at_most=bounds.slower(row),
        note=note(row),
        fails=row.is_regression(gate),
    )


def lines(rows: Iterable[Row], names: Names, gate: Collection[str]) -> list[Line]:
    return [line(row, names, gate) for row in rows]


def amount(value: float | None, unit: str) -> str:
    """Write a value with its unit."""
    if value is None:
        return ""
    if unit == "s" and value > 0:
        return seconds(value)
    if unit == "bytes":
        return size(value)
    return f"{value:.4g}" + (f" {unit}" if unit not in ("1", "") else "")


def change(row: Row) -> str:
    """Write how far NEW lies from BASE, with the interval where there is one."""
    if row.difference is not None:
        found = row.difference
        if found.low is None or found.high is None or found.low == found.high == found.estimate:
            return f"{found.estimate:+.3g}"
        return f"{found.estimate:+.3g} ({found.low:+.3g} to {found.high:+.3g})"
    if row.ratio is None:
        return ""
    if not 0.5 < row.ratio.estimate < 2:
        return factor(row.ratio)
    low, high = row.ratio.low, row.ratio.high
    told = _percent(row.ratio.estimate)
    return told if low is None or high is None else f"{told} ({_percent(low)} to {_percent(high)})"


def _percent(ratio: float) -> str:
    """Write a ratio as a change; nothing is rounded to a sign it does not have."""
    percent = 100 * (ratio - 1)
    text = f"{percent:+.1f}%" if abs(percent) >= 0.05 or percent == 0 else f"{percent:+.2g}%"
    return "0.0%" if percent == 0 else text


def note(row: Row) -> str:
    """Say why a verdict is what it is, or what would settle a doubt."""
    if row.group == STRUCTURE:
        return _shortened(row.why)
    if row.why in (NO_SPREAD, ONE_SAMPLE):
        return ""  # true of every row of its kind, and said once above the table or in the CSV
    if row.why or row.verdict != "unclear":
        return row.why
    if not row.match.versus.paired and row.group == "time":
        return APART  # more rounds would not settle it
    return f"about {row.rounds_needed} rounds a side would settle it" if row.rounds_needed else ""


def _shortened(why: str) -> str:
    """Keep what tells most of a structure's differences; the table of everything has them all."""
    told = why.split("; ")
    more = len(told) - MOST_TOLD
    return "; ".join([*told[:MOST_TOLD], *([f"{more} more in comparison.csv"] if more > 0 else [])])


def verdict_line(comparison: Comparison, gate: Collection[str]) -> str:
    """Say in one sentence what came of it."""
    failing = len(comparison.regressions(gate))
    if failing:
        told = f"Regression: {_counted(comparison.rows)}."
        return f"{told} {bounds.gated(comparison)}" if comparison.not_excluded else told
    if comparison.not_excluded:
        return f"{bounds.gated(comparison)} {_capital(_counted(comparison.rows))}."
    if comparison.empty:
        return f"Nothing comparable: {_counted(comparison.rows)}."
    return f"No regression: {_counted(comparison.rows)}."


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _counted(rows: Sequence[Row]) -> str:
    """Count what became of cases and times, then what changed of anything else."""
    told = []
    for group, called in {OUTCOME: "cases", "time": "times", **{g: g for g in GATES[1:]}}.items():
        own = Counter(row.verdict for row in rows if row.group == group)
        quiet = group not in (OUTCOME, *DEFAULT_GATE, STRUCTURE) and not {*own} & {*BAD, *GOOD}
        words = [f"{own[word]} {word}" for word in WORDS if own[word]]
        if words and not quiet:
            told.append(f"{called} {', '.join(words)}")
    return "; ".join(told) or "nothing was measured on both sides"


def how_judged(comparison: Comparison) -> str:
    """Say how far the times of a comparison may be trusted."""
    margin = f"proven within ±{100 * comparison.margin:g} % is the same{_other_margin(comparison)}"
    if comparison.versus.void:
        told = "; ".join(map(str, comparison.versus.void))
        return f"Forced across {told}: bytes and counts are judged, times, errors and quality not."
    if comparison.versus.paired:
        fate = "left unconfirmed" if comparison.versus.confirm_pairs == 0 else "confirmed afresh"
        return f"Measured in turns: rounds are pairs, suspects {fate}; {margin}."
    unknown = any(row.why == NO_SPREAD for row in comparison.rows)
    if unknown:
        return (
            "Recorded apart, and how far sessions differ here is unknown, so that no time is "
            "judged: bench selftest learns it, bench ab measures both sides now."
        )
    return f"Recorded apart: time intervals are widened by how sessions differ; {margin}."


def _other_margin(comparison: Comparison) -> str:
    """Tell the margin that a comparison was made with, where it is judged by another."""
    made_with = comparison.versus.margin
    if made_with is None or made_with == comparison.margin:
        return ""
    return f" (asked for now; it was made with ±{100 * made_with:g} %)"


def surroundings(comparison: Comparison) -> list[str]:
    """Return what differs around the two runs, what makes it void marked."""
    told = [f"{d} (void)" if d.void else str(d) for d in comparison.versus.differences]
    if comparison.changed_sources:
        matched = counted(comparison.num_matched, "matched case")
        told.append(f"sources of {comparison.changed_sources} of {matched}")
    return told


def coverage(comparison: Comparison) -> list[str]:
    """Return the mean of every suite with the cases behind it."""
    found = []
    for mean in comparison.overall:
        covered = f"{mean.compared} of {counted(mean.num_cases, 'case')}"
        if mean.ratio is None or mean.least is None or mean.most is None:
            found.append(f"{mean.suite}: no time to compare, {covered}")
        else:
            between = f"single cases {mean.least:.3f}× to {mean.most:.3f}×"
            found.append(f"{mean.suite}: {mean.ratio:.3f}× over {covered}, {between}")
    return found
