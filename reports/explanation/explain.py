"""Every case that changed, with the causes that were seen and what they leave unexplained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.judging.comparing.comparison import Comparison
from bench.judging.comparing.matching import Match
from bench.judging.comparing.quantities import STRUCTURE
from bench.judging.comparing.row import Row
from bench.judging.comparing.words import BAD, CHANGED, GOOD, OUTCOME, WORDS
from reports.explanation.around import around
from reports.explanation.cause import Cause, ranked
from reports.explanation.operators import named, operators
from reports.explanation.traces import Weighed, weighed

MOVED = (*BAD, *GOOD)
AMOUNTS = ("memory", "counts")  # beside a time they are causes, alone they are what changed


@dataclass(frozen=True)
class Explanation:
    """What changed of a case, and why: `rows` changed, the outcome and times first.

    `unexplained` is the share of the change of time that no cause has; None where no time changed.
    `told` says what the shares are from, or why there are none.
    """

    match: Match
    rows: list[Row]
    causes: list[Cause]
    unexplained: float | None
    told: str


def explanations(
    comparison: Comparison, asked: Callable[[Match], bool] | None = None
) -> list[Explanation]:
    """Explain every case that changed beyond noise, by the comparison's own verdicts; worst first.

    What a call does is a cause here, and no change of its own. Cases that are `asked` for are all
    there is: one that did not change has what differs, and no shares.
    """
    found: dict[int, list[Row]] = {}
    for row in comparison.rows:
        found.setdefault(id(row.match), []).append(row)
    told = [
        _explained(rows)
        for rows in found.values()
        if (asked(rows[0].match) if asked else _changed(rows))
    ]
    return sorted(told, key=lambda one: WORDS.index(one.rows[0].verdict))


def _changed(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that changed: the outcome, then time, then the worst."""
    changed = [row for row in rows if row.verdict in MOVED]
    return sorted(changed, key=lambda row: (_place(row), WORDS.index(row.verdict)))


def _place(row: Row) -> int:
    return {OUTCOME: 0, "time": 1}.get(row.group, 2)


def _explained(rows: Sequence[Row]) -> Explanation:
    changed = _changed(rows) or sorted(rows, key=_place)[:1]
    time = next((row for row in changed if row.group == "time" and row.verdict in MOVED), None)
    found = _weighed(time)
    amounts = [row for row in changed if row.group in AMOUNTS] if time else []
    causes = [*_of_calls(rows, found), *around(rows[0].match, amounts)]
    subject = [row for row in changed if row not in amounts]
    left = None if time is None else max(1 - found.explained, 0.0)
    return Explanation(rows[0].match, subject, ranked(causes), left, found.told)


def _weighed(time: Row | None) -> Weighed:
    if time is None or time.ratio is None or time.base is None:
        return Weighed(None, "")
    return weighed(time.match, time.base * (time.ratio.estimate - 1))


def _of_calls(rows: Sequence[Row], found: Weighed) -> Iterator[Cause]:
    """Yield what a call does otherwise, and by traces the operators that are as they were."""
    row, shares = _structure(rows), found.shares
    if row is not None and shares is None:
        yield Cause("structure", row.why)
    elif row is not None and shares is not None:
        own = shares[shares["otherwise"]]
        share = None if own.empty else float(own["share"].sum())
        yield Cause("structure", row.why, share, named(own))
        shares = shares[~shares["otherwise"]]
    if shares is not None:
        yield from operators(shares)


def _structure(rows: Sequence[Row]) -> Row | None:
    """Return the row that tells differences of structure; None where it tells none."""
    row = next((row for row in rows if row.group == STRUCTURE), None)
    if row is None or row.verdict == "same" or row.match.both is None:
        return None
    if any(record.structure is None for record in row.match.both):
        return None
    return row if row.verdict == CHANGED or not row.why.endswith(": the same") else None
