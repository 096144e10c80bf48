"""Decode time and state against context, layer time against length, recall against its price."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart, drawn, lists

TASKS = {
    "TextLearning": "text",
    "SelectiveCopying": "selective copying",
    "AssociativeRecall": "associative recall",
}
SETTING = ["width", "dtype", "pass", "device"]


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw what was asked: layers and decoding by length, learning by task, memories over time."""
    ok = table[table["outcome"] == "ok"].copy()
    if ok.empty:
        return []
    ok["mixer"] = [_name(row) for row in ok.to_dict("records")]
    colours = _colours(ok[ok["problem"] != "Reconstruction"])
    found: list[Chart] = []
    for problem, draw, size in (
        ("Layer", _layers, "seqlen"),
        ("Decoding", _decoding, "context"),
    ):
        own = ok[ok["problem"] == problem]
        for _, rows in own.groupby(SETTING, sort=False) if size in own else ():
            if rows[size].nunique() > 1:
                found += drawn(problem, partial(draw, rows, colours))
    for problem, task in TASKS.items():
        rows = ok[ok["problem"] == problem]
        if not rows.empty:
            found += drawn(task, partial(_learning, task, rows, trajectories, colours))
    rows = ok[ok["problem"] == "Reconstruction"]
    for seqlen, own in rows.groupby("seqlen", sort=False) if len(rows) else ():
        found += drawn("Reconstruction", partial(_memories, seqlen, own, trajectories))
    return found


def _name(row: Mapping[Hashable, Any]) -> str:
    """Name a mixer, and the options that are unlike those of the others."""
    options = dict(o.split("=", 1) for o in str(row.get("options") or "").split(",") if "=" in o)
    told = [value for key, value in options.items() if key in ("rule", "init")]
    told += ["compiled"] if options.get("compiled") == "True" else []
    told += ["recurrent"] if options.get("form") == "recurrent" else []
    return f"{row['variant']} ({', '.join(told)})" if told else str(row["variant"])


def _colours(rows: pd.DataFrame) -> dict[str, str]:
    """Give a mixer the same colour in every chart."""
    names = sorted(rows["mixer"].unique(), key=str)
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}


def _layers(rows: pd.DataFrame, colours: dict[str, str]) -> Chart:
    rows = rows.assign(
        time_ms=rows["time_s"] * 1e3,
        low_ms=rows["time_low_s"] * 1e3,
        high_ms=rows["time_high_s"] * 1e3,
        peak_mib=rows["peak_bytes"] / 2**20,
    )
    shown = [
        ("time_ms", "time (ms)"),
        ("peak_mib", "peak memory (MiB)"),
        ("sequence_flops", "FLOPs by formula"),
    ]
    panels = [
        _panel(rows, "seqlen", "sequence length", quantity, title, colours)
        for quantity, title in shown
        if rows[quantity].notna().any()  # a run that only profiles has no times
    ]
    caption = (
        "One layer of each mixer at one width; both axes logarithmic, bars are 95 % intervals. "
        f"Parameters: {_parameters(rows)}."
    )
    return Chart(f"A layer, {_where(rows)}", caption, _side_by_side(panels))


def _decoding(rows: pd.DataFrame, colours: dict[str, str]) -> Chart:
    rows = rows.assign(state_kib=rows["state_bytes"] / 2**10)
    panels = [_panel(rows, "context", "context", "state_kib", "state (KiB)", colours)]
    if "time_s" in rows and rows["time_s"].notna().any():
        rows = rows.assign(
            time_us=rows["time_s"] * 1e6,
            low_us=rows["time_low_s"] * 1e6,
            high_us=rows["time_high_s"] * 1e6,
        )
        time = _panel(rows, "context", "context", "time_us", "time of a token (µs)", colours)
        panels = [time, *panels]
    caption = (
        "The next token after a context, and the bytes kept of that for every sequence: a cache "
        "grows with the context, a state does not. Both axes logarithmic."
    )
    return Chart(f"Decoding, {_where(rows)}", caption, _side_by_side(panels))


def _learning(
    task: str, rows: pd.DataFrame, trajectories: pd.DataFrame, colours: dict[str, str]
) -> Chart | None:
    quality = "final_loss" if task == "text" else "accuracy_share"
    if quality not in rows or "tokens_per_s" not in rows:
        return None
    rows = rows.assign(token_us=1e6 / rows["tokens_per_s"]).dropna(subset=[quality])
    title = "final loss" if task == "text" else "share recalled"
    low, high = f"{quality}_low", f"{quality}_high"
    base = alt.Chart(rows, width=300, height=250).encode(
        x=alt.X(
            "token_us:Q",
            title="time of a trained token (µs)",
            scale=alt.Scale(type="log", nice=False, padding=12),
        ),
        color=_colour(colours),
    )
    points = base.mark_point(size=80, filled=True).encode(
        y=alt.Y(f"{quality}:Q", title=title, scale=alt.Scale(zero=False)),
        tooltip=["mixer:N", alt.Tooltip(f"{quality}:Q", format=".3f"), "token_us:Q"],
    )
    layers: list[alt.Chart] = [points]
    if low in rows:
        layers.append(base.mark_rule().encode(y=alt.Y(f"{low}:Q", title=title), y2=f"{high}:Q"))
    losses = trajectories[
        trajectories["case"].isin(rows["case"]) & (trajectories["quantity"] == "loss")
    ].merge(rows[["case", "mixer"]], on="case")
    mean = losses.groupby(["mixer", "index"], as_index=False)["value"].mean()
    lines = (
        alt.Chart(mean, width=300, height=250)
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("index:Q", title="step"),
            y=alt.Y("value:Q", title="loss"),
            color=_colour(colours),
        )
    )
    caption = (
        "Left: what a small model has learned after the same steps, against the price of a trained "
        f"token; on the front are {_front(rows, quality)}. Right: mean loss over seeds."
    )
    return Chart(f"Learning: {task}", caption, _side_by_side([alt.layer(*layers), lines]))


def _front(rows: pd.DataFrame, quality: str) -> str:
    """Name the mixers that no other beats in both: by estimates."""
    sign = 1 if quality == "final_loss" else -1
    best, names = float("inf"), []
    for _, row in rows.sort_values("token_us").iterrows():
        if sign * row[quality] < best:
            best = sign * row[quality]
            names.append(str(row["mixer"]))
    return ", ".join(names) or "none"


def _memories(seqlen: Any, rows: pd.DataFrame, trajectories: pd.DataFrame) -> Chart | None:
    own = trajectories[trajectories["case"].isin(rows["case"])]
    own = own[own["quantity"].isin(["error_over_time", "best_error_over_time"])]
    if own.empty:
        return None
    own = own.merge(rows[["case", "mixer"]], on="case")
    best = own["quantity"] == "best_error_over_time"
    own.loc[best, "mixer"] = own.loc[best, "variant"] + " (best polynomial)"
    own = own[own["value"] > 1e-9]  # exact, but for float64
    looks = own["index"].max() + 1
    own["seen"] = (own["index"] + 1) / looks
    mean = own.groupby(["mixer", "seen"], as_index=False)["value"].mean()
    drawing = (
        alt.Chart(mean, width=520, height=250)
        .mark_line(strokeWidth=1.6, point=True)
        .encode(
            x=alt.X("seen:Q", title="share of the signal seen"),
            y=alt.Y("value:Q", title="rms error of the past", scale=alt.Scale(type="log")),
            color=alt.Color("mixer:N", title=None, scale=alt.Scale(range=list(COLOURS))),
        )
    )
    caption = (
        "The past reconstructed from the state, of signals of mean square 1: all of it (legs), or "
        "the last window (legt), where before its first sample a signal is 0. Beside it the best "
        "that as many polynomials can do, where that is above 1e-9."
    )
    return Chart(f"HiPPO: {seqlen:g} samples", caption, drawing)


def _panel(
    rows: pd.DataFrame, x: str, x_title: str, y: str, title: str, colours: dict[str, str]
) -> alt.LayerChart | alt.FacetChart:
    low, high = (y.replace("time", end) for end in ("low", "high"))
    data = rows[rows[y].notna()]
    lengths = sorted(int(n) for n in data[x].unique())
    base = alt.Chart(data, width=252, height=230).encode(
        x=alt.X(
            f"{x}:Q",
            title=x_title,
            scale=alt.Scale(type="log", base=2, domain=[lengths[0] / 1.2, lengths[-1] * 1.2]),
            axis=alt.Axis(values=lengths, format="d"),
        ),
        color=_colour(colours),
    )
    points = base.mark_point(size=46, filled=True).encode(
        y=alt.Y(f"{y}:Q", title=title, scale=alt.Scale(type="log", nice=False, padding=12)),
        tooltip=["mixer:N", f"{x}:Q", alt.Tooltip(f"{y}:Q", format=".4g", title=title)],
    )
    layers = [base.mark_line(strokeWidth=1.8).encode(y=f"{y}:Q"), points]
    if y.startswith("time"):
        layers.append(base.mark_rule().encode(y=alt.Y(f"{low}:Q", title=title), y2=f"{high}:Q"))
    return alt.layer(*layers)


def _colour(colours: dict[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color("mixer:N", scale=scale, title=None)


def _side_by_side(panels: list[alt.LayerChart | alt.FacetChart]) -> alt.HConcatChart:
    return alt.hconcat(*panels, spacing=24).resolve_scale(color="shared")


def _parameters(rows: pd.DataFrame) -> str:
    counts = rows.groupby("mixer")["num_parameters"].first().sort_values()
    return ", ".join(f"{name} {int(count):,}" for name, count in counts.items())


def _where(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    return f"width {first['width']:.0f}, {first['dtype']}, {first['pass']}"


def profile_charts(operators: pd.DataFrame, ranks: pd.DataFrame) -> list[Chart]:
    """List what every mixer of a question runs, where they were profiled."""
    del ranks
    caption = "The operators a profiled step spends its time in, by mixer; shares of its step."
    return [
        Chart(f"What ran: {rows['title'].iloc[0]}", caption, lists(rows, "name"))
        for _, rows in operators.groupby("question", sort=False)
    ]
