"""Every case of a suite as a table that sorts and searches without a network."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bench.record import Record
from reports.table import COLUMNS, value_columns
from reports.words import column_title, same_kind

# Columns of results.csv that a reader is shown, around the suite's own, and what they are called.
BEFORE = {"variant": "variant", "options": "options", "problem": "problem"}
SETTING = {
    "dtype": "dtype",
    "pass": "pass",
    "threads": "threads",
    "ranks": "ranks",
    "cache": "cache",
    "outcome": "outcome",
    "time_s": "time (ms)",
    "half_width": "± (%)",
}
AFTER = {
    "flops_per_s": "GFLOP/s",
    "bytes_per_s": "GB/s",
    "peak_bytes": "peak (MiB)",
    "first_call_s": "first call (ms)",
    "error_over_budget": "error / budget",
    "rounds": "rounds",
    "stopped_by": "stopped by",
    "flags": "flags",
    "detail": "reason",
}
ALWAYS = ("variant", "outcome", "time (ms)", "± (%)")  # where they are not empty
SCALES = {
    "time_s": 1e-3,
    "first_call_s": 1e-3,
    "flops_per_s": 1e9,
    "bytes_per_s": 1e9,
    "peak_bytes": float(2**20),
}


def datatable(frame: pd.DataFrame, records: list[Record]) -> str:
    """Return the table of a suite's rows: the columns that tell something there."""
    import itables

    html: str = itables.to_html_datatable(
        shown(frame, records).astype(object).map(_cell),
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
    """Return the tables' own script and styles, for offline use."""
    from itables import options
    from itables.javascript import generate_init_offline_itables_html

    html: str = generate_init_offline_itables_html(options.dt_bundle)
    return html


def shown(frame: pd.DataFrame, records: list[Record]) -> pd.DataFrame:
    """Return the rows as a reader is shown them: in readable units, only columns that tell."""
    values = [name for name in value_columns(records) if name in frame]
    own = [name for name in frame.columns if name not in {*COLUMNS, *values}]
    frame = frame.assign(half_width=_half_width(frame))
    parts = [
        _titled(frame, {**BEFORE, **{name: name for name in values}, **SETTING}),
        _own(frame, own),
        _titled(frame, AFTER),
    ]
    whole = pd.concat(parts, axis=1)
    return whole[[title for title in whole.columns if _tells(whole, title, values)]]


def _titled(frame: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Return columns in readable units under their titles."""
    scaled = {
        name: frame[name].astype(float) / scale for name, scale in SCALES.items() if name in titles
    }
    return frame[list(titles)].assign(**scaled).rename(columns=titles)


def _own(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return what only some suites measure: a half-width stands for two bounds."""
    columns: dict[str, pd.Series] = {}
    bounds = {_bound(name, part) for name in names for part in ("_low", "_high")}
    for name in names:
        if name in bounds:
            continue
        title, scale = column_title(name)
        columns[title] = frame[name].astype(float) / scale
        low, high = _bound(name, "_low"), _bound(name, "_high")
        if low in frame and high in frame:
            columns[f"± {title}"] = (frame[high] - frame[low]).astype(float) / 2 / scale
    return pd.DataFrame(columns, index=frame.index)


def _bound(name: str, part: str) -> str:
    """Name the column of a quantity's bound: `fd_low`, `gap_low_s`."""
    suffix = next((s for s in ("_per_s", "_s", "_bytes") if name.endswith(s)), "")
    return f"{name.removesuffix(suffix)}{part}{suffix}"


def _half_width(frame: pd.DataFrame) -> pd.Series:
    ratio = (frame["time_high_s"] / frame["time_low_s"]).astype(float)
    return (ratio**0.5 - 1) * 100


def _tells(frame: pd.DataFrame, title: str, values: list[str]) -> bool:
    """Say whether a column differs between rows, and from the value it only repeats.

    Of two values of a kind the one with the longer name repeats: `num_kv_heads` `num_heads`.
    """
    if title in ALWAYS:
        return bool(frame[title].notna().any())
    if frame[title].nunique(dropna=False) < 2:
        return False
    twins = [v for v in values if title in values and same_kind(v, title) and len(v) < len(title)]
    return not any(frame[twin].equals(frame[title]) for twin in twins)


def _cell(value: Any) -> Any:
    """Write a missing value as nothing, a whole number without a point, others in four digits."""
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return int(value) if value.is_integer() else float(f"{value:.4g}")
    return value
