"""A comparison on the terminal: regressions first, what is the same as a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from rich.table import Table
from rich.text import Text

from bench.judging.comparing.comparison import Comparison
from bench.judging.comparing.row import Row
from bench.system.terminal import Screen
from reports.comparison.bounds import limits
from reports.comparison.lines import (
    Line,
    Parts,
    coverage,
    how_judged,
    lines,
    parts,
    surroundings,
    verdict_line,
)
from reports.comparison.names import Names

COLOURS = {"slower": "red", "broken": "red", "worse": "red"} | dict.fromkeys(
    ("faster", "fixed", "better"), "green"
)
HEADS = ("verdict", "case", "quantity", "base", "new", "within", "slower at most", "change")
NARROW_HEADS = tuple(name for name in HEADS if name not in ("within", "slower at most"))
WIDE = 120  # columns of a terminal
WHOLE = ("verdict", "base", "new", "within")  # columns that keep to a line
NUM_DOUBTFUL = 12  # rows in doubt that are shown; those that seem to have moved most come first
NUM_APART = 5
CASE_WIDTH = 24  # on a narrow terminal the other columns give way
NARROW_CASE_WIDTH = 20
MOST_WIDTHS = {"slower at most": len("at most"), "quantity": len("structure")}


def print_comparison(
    console: Screen, comparison: Comparison, gate: Collection[str], show_all: bool
) -> None:
    """Print one NEW against BASE."""
    base, new = comparison.versus.names
    names = Names(row.match for row in comparison.rows)
    found = parts(comparison)
    console.tell((new, "bold"), " against ", (base, "bold"))
    console.print(how_judged(comparison), style="dim")
    if told := surroundings(comparison):
        console.print(f"Differs: {'; '.join(told)}")
    shown = [*found.told, *_doubtful(found, show_all)]
    if rows := [*shown, *(found.quiet if show_all else [])]:
        console.print(_table(lines(rows, names, gate), console.width >= WIDE))
    for text in _folded(found, names, show_all):
        console.print(text)
    for text in coverage(comparison):
        console.print(f"time, {text}")
    for text in limits(comparison):
        console.print(text)
    failed = comparison.regressions(gate) or comparison.not_excluded
    style = "bold red" if failed else "bold"
    console.print(verdict_line(comparison, gate), style=style)
    console.print()


def _doubtful(found: Parts, show_all: bool) -> list[Row]:
    return found.doubtful if show_all else found.doubtful[:NUM_DOUBTFUL]


def _folded(found: Parts, names: Names, show_all: bool) -> list[str]:
    """Say what is not in the table: the rest in doubt, what is the same, cases of one side."""
    told = []
    hidden = len(found.doubtful) - NUM_DOUBTFUL
    if hidden > 0 and not show_all:
        told.append(f"… and {hidden} more unclear that moved less; --all shows them")
    if found.quiet and not show_all:
        told.append(f"Not shown: {_counts(found.quiet)}; --all shows them")
    by_reason: dict[tuple[str, str], list[str]] = {}
    for row in found.apart:
        by_reason.setdefault((row.verdict, row.why), []).append(names.name(row.match))
    for (verdict, why), cases in by_reason.items():
        head = ", ".join(cases if show_all else cases[:NUM_APART])
        more = f" and {len(cases) - NUM_APART} more" if len(cases) > NUM_APART else ""
        told.append(f"{len(cases)} {verdict}: {head}{'' if show_all else more}")
        told += [f"  {why}"] if why not in ("", "ok") else []
    return told


def _counts(rows: Sequence[Row]) -> str:
    counted = Counter((row.verdict, row.group) for row in rows)
    return ", ".join(f"{n} {group} {word}" for (word, group), n in counted.most_common())


def _bounds(within: str, slower_at_most: str) -> str:
    told = [f"within {within}"] if within else []
    return ", ".join([*told, *([f"slower by {slower_at_most} at most"] if slower_at_most else [])])


def _table(found: Sequence[Line], wide: bool) -> Table:
    """Lay rows out; on a narrow terminal bounds stand with the change, for want of room."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for name in HEADS if wide else NARROW_HEADS:
        least = (CASE_WIDTH if wide else NARROW_CASE_WIDTH) if name == "case" else None
        whole = name in WHOLE
        most = MOST_WIDTHS.get(name) if name != "quantity" or not wide else None
        table.add_column(name, no_wrap=whole, min_width=least, max_width=most, overflow="fold")
    for row in found:
        verdict = Text(row.verdict, COLOURS.get(row.verdict, ""))
        bounds = (row.within, row.slower_at_most)
        said = (row.change, "" if wide else _bounds(*bounds), row.note)
        told = "; ".join(words for words in said if words)
        cells = (row.case, row.quantity, row.base, row.new, *(bounds if wide else ()), told)
        table.add_row(verdict, *cells)
    return table
