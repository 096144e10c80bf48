"""All encodings in one table of bars, and the base of RoPE against the context it allows."""

from __future__ import annotations

from functools import partial

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart, drawn
from suites.positions.contexts import CONTEXTS

SAME = ["device", "dtype", "pass", "causal", "seqlen", "head_dim", "num_heads", "batch"]
SAME += ["cache", "allocator", "threads"]
ALIKE = 1e-3  # of outputs: a smaller change is rounding in any dtype that is asked
BASES = {
    "base_first_fitting": "the first that fits",
    "base_largest_failing": "the largest that fails",
}
Drawing = alt.Chart | alt.LayerChart | alt.FacetChart


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw a table for every question that was timed, then the bases."""
    ok = table[(table["outcome"] == "ok") & (table["problem"] == "PositionedAttention")]
    found: list[Chart] = []
    for _, rows in ok[ok["time_s"].notna()].groupby(SAME, sort=False):
        title = _title(rows)
        found += drawn(title, partial(_one_table, title, rows))
    bases = trajectories[trajectories["quantity"].isin(BASES)]
    if not bases.empty:
        found += drawn("Bases of RoPE", partial(_bases, bases, ok))
    return found


def _title(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    causal = "causal" if first["causal"] in (True, 1.0) else "not causal"
    return (
        f"Position encodings at {first['seqlen']:.0f} tokens: {causal}, head_dim "
        f"{first['head_dim']:.0f}, {first['dtype']}, {first['pass']}, on {first['device']}"
    )


def _one_table(title: str, rows: pd.DataFrame) -> Chart:
    data = rows.copy()
    data["time_ms"] = data["time_s"] * 1e3
    data["low_ms"], data["high_ms"] = data["time_low_s"] * 1e3, data["time_high_s"] * 1e3
    data["peak_mib"] = data["peak_bytes"] / 2**20
    order = data.sort_values("time_s")["variant"].tolist()
    panels = [
        _bars(data, order, "time_ms", "time (ms)", COLOURS[0], first=True),
        _bars(data, order, "peak_mib", "peak memory (MiB)", COLOURS[2]),
        *_told(data, order),
    ]
    caption = (
        "Fastest first; bars are 95 % intervals over rounds. Parameters are what it learns, "
        "constants what it keeps besides. Shift: by how much of themselves the outputs change when "
        "all tokens stand further on; nothing but rounding where only relative positions count. "
        "Distance: how far attention looks among alike tokens, over an even look (1). Sinusoidal "
        "and learned positions are added once a network, the others' cost comes in every layer."
    )
    return Chart(title, caption, alt.hconcat(*panels, spacing=12))


def _told(data: pd.DataFrame, order: list[str]) -> list[Drawing]:
    """Draw what was counted and measured beside time and memory, where it was."""
    found: list[Drawing] = []
    if "parameters" in data:
        data["parameters_told"] = [f"{n:,.0f}" for n in data["parameters"]]
        found.append(_words(data, order, "parameters_told", "parameters"))
    if "constants_bytes" in data:
        data["constants_told"] = [f"{n / 1024:,.4g} KiB" for n in data["constants_bytes"]]
        found.append(_words(data, order, "constants_told", "constants"))
    if "out_shift_change" in data and data["out_shift_change"].notna().any():
        data["shift_told"] = [_shift(change) for change in data["out_shift_change"]]
        found.append(_words(data, order, "shift_told", "shift"))
    if "attended_distance" in data and data["attended_distance"].notna().any():
        found.append(_bars(data, order, "attended_distance", "distance", COLOURS[3]))
    return found


def _shift(change: float) -> str:
    """Say what kind of positions it tells; nothing where that was not measured."""
    if change != change:
        return ""
    return f"{change:.2g}, {'relative' if change < ALIKE else 'absolute'}"


def _row(order: list[str], first: bool) -> alt.Y:
    shown = alt.Axis(title=None) if first else None
    return alt.Y("variant:N", sort=order, axis=shown)


def _bars(
    data: pd.DataFrame, order: list[str], field: str, title: str, colour: str, first: bool = False
) -> Drawing:
    base = alt.Chart(
        data[data[field].notna()].filter(["variant", field, "low_ms", "high_ms", "flags"]),
        width=150,
        height=alt.Step(19),
    ).encode(y=_row(order, first))
    tips = ["variant:N", alt.Tooltip(f"{field}:Q", format=".4g", title=title), "flags:N"]
    bars = base.mark_bar(color=colour, opacity=0.75).encode(
        x=alt.X(f"{field}:Q", title=title), tooltip=tips
    )
    if field != "time_ms":
        return bars
    rules = base.mark_rule().encode(x=alt.X("low_ms:Q", title=title), x2="high_ms:Q")
    return alt.layer(bars, rules)


def _words(data: pd.DataFrame, order: list[str], field: str, title: str) -> Drawing:
    shown = alt.Title(title, fontSize=11, fontWeight="bold", anchor="end")
    return (
        alt.Chart(data[["variant", field]], width=92, height=alt.Step(19), title=shown)
        .mark_text(align="right", dx=42)
        .encode(y=_row(order, first=False), text=f"{field}:N")
    )


def _bases(bases: pd.DataFrame, ok: pd.DataFrame) -> Chart:
    data = bases.merge(ok[["case", "head_dim"]], on="case")
    data["context"] = [CONTEXTS[index] for index in data["index"]]
    data["bound"] = data["quantity"].map(BASES)
    data["head"] = [f"head_dim {dim:.0f}" for dim in data["head_dim"]]
    data = data[["context", "value", "bound", "head"]].drop_duplicates()
    base = alt.Chart(data, width=420, height=260).encode(
        x=alt.X(
            "context:Q",
            title="context (tokens)",
            scale=alt.Scale(type="log", base=2, nice=False, padding=14),
            axis=alt.Axis(values=list(CONTEXTS), format="d"),
        ),
        y=alt.Y("value:Q", title="base", scale=alt.Scale(type="log", nice=False, padding=12)),
        color=alt.Color("bound:N", title=None, scale=alt.Scale(range=list(COLOURS[:2]))),
        tooltip=["head:N", "bound:N", "context:Q", alt.Tooltip("value:Q", format=".0f")],
    )
    caption = (
        "A base b fits a context L where sum over i of cos(m b^(-2i/D)) is at least 0 at every "
        "distance m below L (Men et al. 2024, arXiv:2405.14591): alike tokens attract each other "
        "at any distance. Bases above the first that fits may fail again, up to the largest that "
        "fails. Computed for bases in steps of half a percent, no measurement."
    )
    lines = base.mark_line().encode(strokeDash=alt.StrokeDash("head:N", title=None))
    drawing = alt.layer(lines, base.mark_point(size=50, filled=True))
    return Chart("Bases of RoPE against the context they allow", caption, drawing)
