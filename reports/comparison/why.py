"""What changed of a case in one line, and why: for the terminal, a job summary and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.judging.comparing.comparison import Comparison
from bench.judging.comparing.matching import Match
from reports.comparison.lines import Line as Told
from reports.comparison.lines import line
from reports.comparison.names import Names
from reports.explanation.explain import Explanation, explanations
from reports.explanation.words import Line, lines

NOTHING = "Nothing changed beyond noise."
HOW = (
    "Shares are of the change of time, from traces of both runs (--profile of bench ab and bench "
    "run). No share: it differs, and nothing measured how much it weighs."
)
NO_CAUSE = "Nothing that is recorded differs."
MOST = 40  # cases that are explained in an output of the comparison

Asked = Callable[[Match], bool] | None  # which cases are meant; None: those that changed


@dataclass(frozen=True)
class Why:
    """One case: its verdict, what it was and is, and the lines of its causes."""

    verdict: str
    case: str
    change: str
    lines: list[Line]


def whys(comparison: Comparison, asked: Asked = None) -> list[Why]:
    """Explain every case that changed, or those that are asked for."""
    names = Names(row.match for row in comparison.rows)
    return [_why(found, names) for found in explanations(comparison, asked)]


def _why(found: Explanation, names: Names) -> Why:
    told = [line(row, names, ()) for row in found.rows]
    return Why(told[0].verdict, told[0].case, "; ".join(map(_change, told)), lines(found))


def _change(told: Told) -> str:
    """Say how far one quantity moved; of an outcome, what became of it."""
    moved = f"{told.base} → {told.new}" if told.base and told.new else ""
    words = [f"{told.quantity} {moved}".strip(), told.change, told.note]
    return f"{told.verdict}: {', '.join(filter(None, words))}".removesuffix(": ")
