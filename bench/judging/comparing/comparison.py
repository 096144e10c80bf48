"""BASE against one or several NEW: all verdicts together, and the exit code they come to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.cases.kind import kind_of
from bench.errors import NOT_EXCLUDED, NOTHING_MEASURED, REGRESSION, UserError
from bench.judging.comparing.matching import Match, fate, match
from bench.judging.comparing.once import once_rows
from bench.judging.comparing.overall import Overall, overall
from bench.judging.comparing.quality import quality_rows
from bench.judging.comparing.quantities import DEFAULT_GATE
from bench.judging.comparing.rounds import excludes, round_rows
from bench.judging.comparing.row import Row
from bench.judging.comparing.structural import structure_rows
from bench.judging.comparing.versus import Versus, versus
from bench.judging.comparing.words import INCOMPARABLE, OUTCOME, TIME
from bench.judging.record import fold
from bench.judging.rule import MARGIN
from bench.store import Run

NO_REGRESSION, NOTHING_COMPARABLE = 0, 3


@dataclass(frozen=True)
class Comparison:
    """Everything said of BASE against one NEW: one row a case and quantity.

    `at_most` is the share beyond which every slowdown has to be excluded, None where none has;
    kinds of cases in `limits` have one of their own.
    """

    versus: Versus
    rows: list[Row]
    overall: list[Overall]
    margin: float
    changed_sources: int
    num_matched: int
    at_most: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Say whether no case could be compared."""
        return all(row.verdict in INCOMPARABLE for row in self.rows)

    def regressions(self, gate: Collection[str]) -> list[Row]:
        return [row for row in self.rows if row.is_regression(gate)]

    @property
    def times(self) -> list[Row]:
        return [row for row in self.rows if row.group == TIME]

    @property
    def not_excluded(self) -> list[Row]:
        """Return the times that may be slower by more than is allowed."""
        if self.at_most is None:
            return []
        allowed = [self.limits.get(kind_of(r.match.case), self.at_most) for r in self.times]
        both = zip(self.times, allowed, strict=True)
        return [row for row, share in both if not excludes(row.slower_at_most, share)]


def compare(
    base: Run,
    news: Sequence[Run],
    *,
    margin: float | None = None,
    at_most: float | Literal["off"] | None = None,
    keyword: str = "",
    force: bool = False,
) -> list[Comparison]:
    """Judge every NEW against BASE, with false discoveries controlled over all of them together.

    Without a `margin` or `at_most`, a paired comparison has what it was made with. UserError where
    differences of machine or device make it meaningless, unless forced.
    """
    pairs = [versus(base, new) for new in news]
    for pair in pairs:
        if pair.void and not force:
            raise UserError(refusal(pair))
    ours = fold(base)
    matches = [m for pair in pairs for m in match(pair, ours, fold(pair.new), keyword)]
    if not matches:
        raise UserError(f"no case of either side matches -k '{keyword}'", NOTHING_MEASURED)
    margin = margin_of(pairs, margin)
    rows = [
        *outcome_rows(matches),
        *round_rows(matches, margin),
        *once_rows(matches),
        *quality_rows(matches),
        *structure_rows(matches),
    ]
    limit = limit_of(pairs, at_most)
    return [_comparison(pair, matches, rows, margin, limit) for pair in pairs]


def margin_of(pairs: Sequence[Versus], asked: float | None) -> float:
    """Return the margin to judge by: the one asked for, else that of the one paired comparison."""
    if asked is not None:
        return asked
    made_with = pairs[0].margin if len(pairs) == 1 else None
    return MARGIN if made_with is None else made_with


def limit_of(pairs: Sequence[Versus], asked: float | Literal["off"] | None) -> float | None:
    """Return the slowdown that must be excluded: the one asked for, else as with the margin."""
    if asked is not None:
        return None if asked == "off" else asked
    return pairs[0].at_most if len(pairs) == 1 else None


def refusal(pair: Versus) -> str:
    """Say in one line what makes a comparison void."""
    told = "; ".join(map(str, pair.void))
    return (
        f"{pair.names[0]} and {pair.names[1]} cannot be compared: {told}; "
        "--force shows ratios, and judges bytes and counts only"
    )


def outcome_rows(matches: Sequence[Match]) -> list[Row]:
    """Return a row for every case that is not ok on both sides."""
    rows = []
    for found in matches:
        if told := fate(found):
            verdict, why = told
            rows.append(Row(found, OUTCOME, OUTCOME, verdict, why=why))
    return rows


def _comparison(
    pair: Versus,
    matches: Sequence[Match],
    rows: Sequence[Row],
    margin: float,
    limit: float | None,
) -> Comparison:
    own = [row for row in rows if row.match.versus is pair]
    found = [m for m in matches if m.versus is pair]
    both = [(m.base.case, m.new.case) for m in found if m.base and m.new]
    changed = sum(base.source_hash != new.source_hash for base, new in both)
    limits = pair.limits if limit is not None and limit == pair.at_most else {}
    told = overall(found, own)
    return Comparison(pair, own, told, margin, changed, len(both), limit, limits)


def exit_code(comparisons: Sequence[Comparison], gate: Collection[str] = DEFAULT_GATE) -> int:
    """Return 1 for a regression anywhere, else 6 where a slowdown beyond what is allowed is not
    excluded, else 3 where nothing at all was comparable, else 0.
    """
    if any(found.regressions(gate) for found in comparisons):
        return REGRESSION
    if any(found.not_excluded for found in comparisons):
        return NOT_EXCLUDED
    if all(found.empty for found in comparisons):
        return NOTHING_COMPARABLE
    return NO_REGRESSION
