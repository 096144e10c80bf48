"""`comparison.html`: one file that needs no network, a section for each NEW."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.cases.chart import Chart, undrawn
from bench.judging.comparing.comparison import Comparison
from bench.system.files import write_whole
from reports.cases import datatable_scripts, sortable
from reports.comparison.bounds import HOW as HOW_BOUNDED
from reports.comparison.bounds import limits
from reports.comparison.lines import (
    Line,
    coverage,
    how_judged,
    lines,
    parts,
    surroundings,
    verdict_line,
)
from reports.comparison.names import Names
from reports.comparison.why import HOW, MOST, NO_CAUSE, Why, whys
from reports.template import render_template, vega_bundle

NAMES = ("verdict", "case", "quantity", "base", "new", "change", "within")
COLUMNS = {name: name for name in NAMES}
COLUMNS |= {"slower_at_most": "slower by at most", "note": "why"}


@dataclass(frozen=True)
class Section:
    """Everything the page says of one NEW against BASE."""

    base: str
    new: str
    sentence: str
    failed: str
    judged: str
    differences: list[str]
    limits: list[str]
    coverage: list[str]
    changed: list[Line]
    whys: list[Why]
    apart: list[Line]
    charts: list[Chart]
    num_rows: int
    table: str


def write(comparisons: Sequence[Comparison], gate: Collection[str], path: Path) -> None:
    """Write the page."""
    write_whole(path, render(comparisons, gate).encode())


def render(comparisons: Sequence[Comparison], gate: Collection[str]) -> str:
    """Return the page. Every text from the runs is escaped, in HTML and inside scripts."""
    sections = [_section(found, gate) for found in comparisons]
    return render_template(
        "comparison.html",
        sections=sections,
        how=HOW,
        how_bounded=HOW_BOUNDED,
        no_cause=NO_CAUSE,
        gate=", ".join(gate) or "nothing",
        specs=[chart.drawing.to_dict() for section in sections for chart in section.charts],
        table_scripts=datatable_scripts(),
        vega=vega_bundle(),
    )


def _section(comparison: Comparison, gate: Collection[str]) -> Section:
    found, names = parts(comparison), Names(row.match for row in comparison.rows)
    every = [*found.told, *found.doubtful, *found.quiet, *found.apart]
    charts = _charts(comparison)
    return Section(
        *comparison.versus.names,
        sentence=verdict_line(comparison, gate),
        failed=_failed(comparison, gate),
        judged=how_judged(comparison),
        differences=surroundings(comparison),
        limits=limits(comparison),
        coverage=[*coverage(comparison), *(c.caption for c in charts if c.drawing is None)],
        changed=lines(found.told, names, gate),
        whys=whys(comparison)[:MOST],
        apart=lines(found.apart, names, gate),
        charts=[chart for chart in charts if chart.drawing is not None],
        num_rows=len(every),
        table=sortable(_frame(lines(every, names, gate))),
    )


def _failed(comparison: Comparison, gate: Collection[str]) -> str:
    """Name what fails a comparison, in the words of its verdict; empty where nothing does."""
    if comparison.regressions(gate):
        return "regression"
    return "not excluded" if comparison.not_excluded else ""


def _charts(comparison: Comparison) -> list[Chart]:
    """Return the drawings; where they cannot be made, that is all it costs."""
    try:
        from reports.comparison.chart import charts  # not even imported under `python -OO`

        return charts(comparison)
    except Exception as error:
        return [undrawn("Ratios", error)]


def _frame(found: Sequence[Line]) -> pd.DataFrame:
    return pd.DataFrame(
        [[getattr(r, name) for name in COLUMNS] for r in found],
        columns=list(COLUMNS.values()),
    )
