"""A page of a suite's own command: sentences, charts, tables, in one file that needs no network."""

from __future__ import annotations

from pathlib import Path

from bench.cases.chart import Chart, undrawn
from bench.cases.page import Page
from bench.store import write_whole
from reports.template import render_template, vega_bundle


def write(page: Page, path: Path) -> None:
    """Render a page. Every text is escaped, in HTML and inside scripts."""
    charts = [_specified(chart) for chart in page.charts]
    text = render_template(
        "page.html",
        page=page,
        charts=charts,
        specs=[chart.drawing for chart in charts if chart.drawing],
        table_scripts="",
        vega=vega_bundle(),
    )
    write_whole(path, text.encode())


def _specified(chart: Chart) -> Chart:
    """Return the chart with its specification; where that raises, it says so."""
    if chart.drawing is None:
        return chart
    try:
        return Chart(chart.title, chart.caption, chart.drawing.to_dict())
    except Exception as error:
        return undrawn(chart.title, error)
