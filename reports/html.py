"""`report.html`: one file that needs no network, the answer first."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.chart import Chart
from bench.record import Record
from bench.store import Run, write_whole
from reports import page
from reports.table import COLUMNS, table

# The columns of the sortable table, and what a reader calls them.
SHOWN = {
    "variant": "variant",
    "options": "options",
    "problem": "problem",
    "dtype": "dtype",
    "pass": "pass",
    "cache": "cache",
    "outcome": "outcome",
    "time_s": "time (ms)",
    "half_width": "± (%)",
    "flops_per_s": "GFLOP/s",
    "bytes_per_s": "GB/s",
    "peak_bytes": "peak (MiB)",
    "first_call_s": "first call (ms)",
    "error_over_budget": "error / budget",
    "rounds": "rounds",
    "stopped_by": "stopped by",
    "flags": "flags",
    "suite": "suite",
    "detail": "reason",
}
ALWAYS = ("variant", "outcome", "time_s", "half_width", "error_over_budget")
SCALES = {
    "time_s": 1e-3,
    "first_call_s": 1e-3,
    "flops_per_s": 1e9,
    "bytes_per_s": 1e9,
    "peak_bytes": 2**20,
}


def write(run: Run, records: list[Record], path: Path) -> None:
    """Render the report of a run."""
    write_whole(path, render(run, records).encode())


def render(run: Run, records: list[Record]) -> str:
    """Return the page. Every text from the run is escaped, in HTML and inside scripts."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json_script"] = json_script
    frame = table(run, records)
    return environment.get_template("report.html").render(
        run=run,
        headline=page.headline(records),
        families=page.families(records),
        failures=page.failures(records),
        facts=page.facts(run, records),
        charts=[
            {"title": c.title, "caption": c.caption, "spec": c.drawing.to_dict()}
            for c in charts(frame)
        ],
        table=datatable(frame),
        table_scripts=datatable_scripts(),
        vega=vega_bundle(),
        environment=run.last_session.environment,
    )


def charts(frame: pd.DataFrame) -> list[Chart]:
    """Collect the charts of every suite that has rows and knows how to draw them."""
    found: list[Chart] = []
    for point in sorted(entry_points(group="touchstone.charts"), key=lambda p: p.name):
        rows = frame[frame["suite"] == point.name]
        foreign = [c for c in frame.columns[len(COLUMNS) :] if rows[c].isna().all()]
        if len(rows):
            found += point.load().charts(rows.drop(columns=foreign))
    return found


def json_script(value: Any) -> str:
    """Write JSON that cannot end the script element it stands in."""
    from markupsafe import Markup

    text = json.dumps(value, default=str)
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)


def vega_bundle() -> str:
    """Return Vega, Vega-Lite and their embedder as one script."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")


def datatable(frame: pd.DataFrame) -> str:
    """Return the sortable, searchable table of all cases."""
    import itables

    shown = frame.assign(half_width=_half_width(frame))
    for column, scale in SCALES.items():
        shown[column] = shown[column].astype(float) / scale
    columns = [*list(SHOWN)[:3], *frame.columns[len(COLUMNS) :], *list(SHOWN)[3:]]
    shown = shown[[c for c in columns if c in ALWAYS or _tells(shown, c)]]
    shown = shown.astype(object).map(_cell).rename(columns=SHOWN)
    html: str = itables.to_html_datatable(
        shown,
        connected=False,
        showIndex=False,
        maxBytes=0,
        classes="display compact nowrap",
        pageLength=25,
        lengthMenu=[25, 100, 1000],
        scrollX=True,
        allow_html=False,
        style="width:100%",
        display_logo_when_loading=False,
    )
    return html


def datatable_scripts() -> str:
    """Return the table's own script and styles, for offline use."""
    from itables import options
    from itables.javascript import generate_init_offline_itables_html

    html: str = generate_init_offline_itables_html(options.dt_bundle)
    return html


def _half_width(frame: pd.DataFrame) -> pd.Series:
    ratio = (frame["time_high_s"] / frame["time_low_s"]).astype(float)
    return (ratio**0.5 - 1) * 100


def _tells(frame: pd.DataFrame, name: str) -> bool:
    """Say whether a column differs between rows, and from the column it defaults to."""
    twin = {"seqlen_kv": "seqlen_q", "num_kv_heads": "num_heads"}.get(name)
    if twin in frame and frame[name].equals(frame[twin]):
        return False
    return frame[name].nunique(dropna=False) > 1


def _cell(value: Any) -> Any:
    """Write a missing value as nothing, a whole number without a point, others in four digits."""
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return int(value) if value.is_integer() else float(f"{value:.4g}")
    return value
