"""Why cases changed, on the terminal."""

from __future__ import annotations

from rich.table import Table

from bench.judging.comparing.comparison import Comparison
from bench.system.terminal import Screen
from reports.comparison.lines import how_judged
from reports.comparison.terminal import COLOURS
from reports.comparison.why import HOW, NO_CAUSE, NOTHING, Asked, Why, whys

WIDE = 60  # columns: a narrower terminal has no room for a table
SORT_WIDTH = 12  # of a column, however narrow the terminal


def print_whys(console: Screen, comparison: Comparison, asked: Asked = None) -> None:
    """Print why every case changed, or those that are asked for."""
    base, new = comparison.versus.names
    console.tell((new, "bold"), " against ", (base, "bold"))
    console.print(how_judged(comparison), style="dim")
    found = whys(comparison, asked)
    for why in found:
        console.print()
        console.tell((why.case, f"bold {COLOURS.get(why.verdict, '')}".strip()))
        console.print(why.change)
        _print_lines(console, why)
    if any(why.lines for why in found):
        console.print()
        console.print(HOW, style="dim")
    elif not found:
        console.print()
        console.print(NOTHING)


def _print_lines(console: Screen, why: Why) -> None:
    if not why.lines:
        console.print(NO_CAUSE)
    elif console.width >= WIDE:
        console.print(_table(why))
    else:
        for line in why.lines:
            console.print(f"{line.share} {line.sort}: {line.cause}")


def _table(why: Why) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(min_width=SORT_WIDTH)
    table.add_column(overflow="fold")
    for line in why.lines:
        table.add_row(line.share, line.sort, line.cause)
    return table
