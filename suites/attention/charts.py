"""Time, memory and FLOP/s against sequence length, one row of three for every kind of question."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart, drawn, lists

TIME = ("time_ms", "time (ms)")
PEAK = ("peak_mib", "peak memory (MiB)")
COMPUTING = (TIME, PEAK, ("gflops_per_s", "declared GFLOP/s"))
READING = (TIME, PEAK, ("gb_per_s", "declared GB/s"))
OWN = ("sinks", "num_sequences", "softcap", "spread")  # fields of a pattern that make a kind of it
OPERATORS = {"SoftmaxAttention": "softmax attention", "LinearAttention": "linear attention"}
BOTH = "linear beside softmax"
COMPUTED = (
    "FLOP/s divide the operator's own count by time: skipped work shows as speed, recomputed work "
    "as slowness."
)
READ = (
    "GB/s divide the bytes of cache, query and output by time: a copy of the cache shows as slow."
)


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw every family of at least two lengths: same operator, heads, mask, dtype and pass.

    Attention has no quality of its own to draw: there are no trajectories.
    """
    del trajectories
    ok = table[table["outcome"] == "ok"].copy()
    if ok.empty:
        return []
    ok["length"] = float("nan")
    for column in ("seqlen_kv", "seqlen_q", "seqlen"):
        ok["length"] = ok["length"].fillna(ok[column]) if column in ok else ok["length"]
    ok["family"] = [_family(row) for row in ok.to_dict("records")]
    ok["time_ms"] = ok["time_s"] * 1e3
    ok["low_ms"] = ok["time_low_s"] * 1e3
    ok["high_ms"] = ok["time_high_s"] * 1e3
    ok["peak_mib"] = ok["peak_bytes"] / 2**20
    ok["gflops_per_s"] = ok["flops_per_s"] / 1e9
    ok["gb_per_s"] = ok["bytes_per_s"] / 1e9 if "bytes_per_s" in ok else float("nan")
    ok["trust"] = ok["flags"].fillna("clean")
    colours = {p: _colours(rows) for p, rows in ok.groupby("problem")}
    found: list[Chart] = []
    for name, rows in ok.groupby("family", sort=False):
        if rows["length"].nunique() > 1:
            own = colours[rows["problem"].iloc[0]]
            found += drawn(str(name), partial(_row_of_three, str(name), rows, own))
    return found + _crossings(ok)


def _crossings(ok: pd.DataFrame) -> list[Chart]:
    """Set linear attention beside softmax at equal heads, where both have two lengths or more."""
    both = ok[[_is_plain(row) for row in ok.to_dict("records")]].copy()
    both["variant"] = [_said(row) for row in both.to_dict("records")]
    both["family"] = [_shape(row) for row in both.to_dict("records")]
    found: list[Chart] = []
    for shape, rows in both.groupby("family", sort=False):
        lengths = [own["length"].nunique() for _, own in rows.groupby("problem")]
        if len(lengths) == 2 and min(lengths) > 1:
            title = f"{BOTH}, {shape}"
            found += drawn(title, partial(_crossing, title, rows, _colours(both)))
    return found


def _is_plain(row: Mapping[Hashable, Any]) -> bool:
    """Say whether a row asks what both operators can be asked."""
    whole = pd.isna(row.get("window", float("nan"))) and not _decodes(row)
    kv_heads = row.get("num_kv_heads", row["num_heads"])
    alike = pd.isna(kv_heads) or kv_heads == row["num_heads"]
    return row["problem"] in OPERATORS and whole and alike


def _said(row: Mapping[Hashable, Any]) -> str:
    return row["variant"] if pd.isna(row["options"]) else f"{row['variant']} {row['options']}"


def _shape(row: Mapping[Hashable, Any]) -> str:
    causal = "causal" if row.get("causal") in (True, 1.0) else "not causal"
    shape = f"{row['num_heads']:.0f} heads, head_dim {row['head_dim']:.0f}"
    setting = f"{row['dtype']}, {row['pass']}, {row['cache']} cache, {row['allocator']} allocator"
    return f"{causal}, {shape}, {setting}"


def _crossing(title: str, rows: pd.DataFrame, colours: dict[str, str]) -> Chart:
    picked = alt.selection_point(name="picked", fields=["variant"], bind="legend")
    lengths = sorted(int(n) for n in rows["length"].unique())
    caption = (
        "They are different operators, and never ranked together: this is what it costs to ask for "
        "one instead of the other. Where lines cross, linear attention becomes the cheaper."
    )
    panel = _panel(rows, *TIME, lengths, colours, picked)
    return Chart(title[0].upper() + title[1:], caption, panel.add_params(picked))


def _family(row: Mapping[Hashable, Any]) -> str:
    """Name what stays the same along a line."""
    words = [OPERATORS.get(row["problem"], row["problem"])]
    words += ["one query on a cache"] if _decodes(row) else []
    if row.get("causal") in (True, False, 1.0, 0.0):
        words.append("causal" if row["causal"] else "not causal")
    if not pd.isna(row.get("window", float("nan"))):
        words.append(f"window {row['window']:.0f}")
    given = ((name, row.get(name, float("nan"))) for name in OWN)
    words += [f"{name} {value:g}" for name, value in given if not pd.isna(value)]
    kv_heads = row.get("num_kv_heads", row["num_heads"])
    if not pd.isna(kv_heads) and kv_heads != row["num_heads"]:
        words.append(f"{row['num_heads']:.0f} heads over {kv_heads:.0f}")
    words += [f"head_dim {row['head_dim']:.0f}", row["dtype"], row["pass"], f"{row['cache']} cache"]
    words += ["system allocator"] if row["allocator"] == "system" else []
    return ", ".join(words)


def _decodes(row: Mapping[Hashable, Any]) -> bool:
    return row.get("seqlen_q") == 1


def _colours(rows: pd.DataFrame) -> dict[str, str]:
    """Give a variant the same colour in every chart of its operator."""
    names = sorted(rows["variant"].unique(), key=str)
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def _row_of_three(name: str, rows: pd.DataFrame, colours: dict[str, str]) -> Chart:
    picked = alt.selection_point(name="picked", fields=["variant"], bind="legend")
    lengths = sorted(int(n) for n in rows["length"].unique())
    reading = _decodes(rows.iloc[0].to_dict())
    first, *others = [
        _panel(rows, field, title, lengths, colours, picked)
        for field, title in (READING if reading else COMPUTING)
    ]
    caption = (
        "Both axes logarithmic; bars are 95 % intervals over rounds. Point at a mark for its "
        "figures, click a name in the legend to single it out. " + (READ if reading else COMPUTED)
    )
    drawing = alt.hconcat(first.add_params(picked), *others, spacing=24).resolve_scale(
        color="shared"
    )
    return Chart(name[0].upper() + name[1:], caption, drawing)


def _panel(
    rows: pd.DataFrame,
    field: str,
    title: str,
    lengths: list[int],
    colours: dict[str, str],
    picked: alt.Parameter,
) -> alt.LayerChart | alt.FacetChart:
    columns = [
        "length",
        "variant",
        "options",
        field,
        "time_ms",
        "low_ms",
        "high_ms",
        "peak_mib",
        "gflops_per_s",
        "gb_per_s",
        "rounds",
        "trust",
    ]
    present = [variant for variant in colours if variant in set(rows["variant"])]
    scale = alt.Scale(domain=present, range=[colours[variant] for variant in present])
    data = rows.loc[rows[field].notna(), list(dict.fromkeys(columns))]
    base = alt.Chart(data, width=252, height=230).encode(
        x=alt.X(
            "length:Q",
            title="sequence length",
            scale=alt.Scale(type="log", base=2, domain=[lengths[0] / 1.2, lengths[-1] * 1.2]),
            axis=alt.Axis(values=lengths, format="d"),
        ),
        color=alt.Color("variant:N", scale=scale, title=None),
        opacity=alt.when(picked).then(alt.value(1.0)).otherwise(alt.value(0.12)),
    )
    y = alt.Y(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(format="~s" if field != "time_ms" else "~g", tickCount=5),
    )
    points = base.mark_point(size=46, filled=True).encode(
        y=y,
        shape=alt.Shape(
            "trust:N",
            legend=None,
            scale=alt.Scale(domain=["clean", "contended"], range=["circle", "triangle-up"]),
        ),
        tooltip=[
            alt.Tooltip("variant:N"),
            alt.Tooltip("options:N"),
            alt.Tooltip("length:Q", title="sequence length"),
            alt.Tooltip("time_ms:Q", format=".4g", title="time (ms)"),
            alt.Tooltip("low_ms:Q", format=".4g", title="from (ms)"),
            alt.Tooltip("high_ms:Q", format=".4g", title="to (ms)"),
            alt.Tooltip("peak_mib:Q", format=".4g", title="peak memory (MiB)"),
            alt.Tooltip("gflops_per_s:Q", format=".4g", title="GFLOP/s"),
            alt.Tooltip("gb_per_s:Q", format=".4g", title="GB/s"),
            alt.Tooltip("rounds:Q"),
            alt.Tooltip("trust:N", title="flags"),
        ],
    )
    layers = [base.mark_line(strokeWidth=1.8).encode(y=y), points]
    if field == "time_ms":
        layers.append(
            base.mark_rule(strokeWidth=1.4).encode(y=alt.Y("low_ms:Q", title=title), y2="high_ms:Q")
        )
    return alt.layer(*layers)


def profile_charts(operators: pd.DataFrame, ranks: pd.DataFrame) -> list[Chart]:
    """List what every variant of a question runs, where they were profiled."""
    del ranks
    caption = "The operators a profiled step spends its time in, by variant; shares of its step."
    return [
        Chart(f"What ran: {rows['title'].iloc[0]}", caption, lists(rows, "name"))
        for _, rows in operators.groupby("question", sort=False)
    ]
