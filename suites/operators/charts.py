"""Memory and time of contrastive losses by batch, and the time of all other forms."""

from __future__ import annotations

from functools import partial

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart, drawn
from suites.operators.rate_charts import RATED, rates

LOSSES = ("SoftmaxContrastive", "SigmoidContrastive")
SETTING = ["device", "dtype", "pass", "dim"]


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw the losses by batch, then the others; operators have no quality to draw."""
    del trajectories
    ok = table[table["outcome"] == "ok"]
    losses = ok[ok["problem"].isin(LOSSES)]
    found: list[Chart] = []
    if not losses.empty:
        for _, rows in losses.groupby(SETTING, sort=False):
            if rows["batch"].nunique() > 1:
                found += drawn("Contrastive losses", partial(_losses, rows))
    rated = ok[ok["problem"].isin(RATED)]
    if not rated.empty:
        found += drawn("Rates of products and convolutions", partial(rates, rated))
    others = ok[~ok["problem"].isin((*LOSSES, *RATED)) & ok["time_s"].notna()]
    for (problem, pass_), rows in others.groupby(["problem", "pass"], sort=False):
        found += drawn(str(problem), partial(_forms, f"{problem}, {pass_}", rows))
    return found


def _losses(rows: pd.DataFrame) -> Chart | None:
    data = rows.copy()
    data["peak_mib"], data["time_ms"] = data["peak_bytes"] / 2**20, data["time_s"] * 1e3
    fields = [("peak_mib", "peak memory (MiB)"), ("time_ms", "time (ms)")]
    several = [f for f in fields if data.loc[data[f[0]].notna(), "batch"].nunique() > 1]
    panels = [_lines(data, *field) for field in several]
    if not panels:
        return None
    first = rows.iloc[0]
    caption = (
        "Both axes logarithmic. A softmax over the batch as CLIP wrote it holds the logits of all "
        "pairs; the sigmoid loss is a sum over pairs, so that a chunk is done with at once. In "
        "chunks made again for the backward pass, the softmax saves the memory too, and pays for "
        "it in time."
    )
    title = (
        f"Contrastive losses by batch: dim {first['dim']:.0f}, {first['pass']}, {first['device']}"
    )
    return Chart(title, caption, alt.hconcat(*panels, spacing=24))


def _lines(data: pd.DataFrame, field: str, title: str) -> alt.LayerChart | alt.FacetChart:
    batches = sorted(int(n) for n in data["batch"].unique())
    base = alt.Chart(
        data.loc[data[field].notna(), ["variant", "batch", field]], width=300, height=230
    ).encode(
        x=alt.X(
            "batch:Q",
            title="pairs in the batch",
            scale=alt.Scale(type="log", base=2, domain=[batches[0] / 1.2, batches[-1] * 1.2]),
            axis=alt.Axis(values=batches, format="d"),
        ),
        y=alt.Y(f"{field}:Q", title=title, scale=alt.Scale(type="log", nice=False, padding=12)),
        color=alt.Color("variant:N", title=None, scale=alt.Scale(range=list(COLOURS[:4]))),
        tooltip=["variant:N", "batch:Q", alt.Tooltip(f"{field}:Q", format=".4g", title=title)],
    )
    return alt.layer(base.mark_line(), base.mark_point(size=50, filled=True))


def _forms(title: str, rows: pd.DataFrame) -> Chart:
    names = ["side", "rows", "classes", "vectors", "codes"]
    sizes = [n for n in names if n in rows and rows[n].notna().all()]
    data = rows[["variant", "case"]].copy()
    data["size"] = [
        ", ".join(f"{n} {row[n]:.0f}" for n in sizes) for row in rows.to_dict("records")
    ]
    for name in ("time", "time_low", "time_high"):
        data[f"{name}_ms"] = rows[f"{name}_s"] * 1e3
    base = alt.Chart(data, width=420, height=alt.Step(18)).encode(
        y=alt.Y("variant:N", title=None),
        color=alt.Color("variant:N", legend=None, scale=alt.Scale(range=list(COLOURS))),
    )
    points = base.mark_point(filled=True, size=60).encode(
        x=alt.X("time_ms:Q", title="time (ms)", scale=alt.Scale(zero=False)),
        tooltip=["variant:N", "size:N", alt.Tooltip("time_ms:Q", format=".4g")],
    )
    rules = base.mark_rule().encode(
        x=alt.X("time_low_ms:Q", title="time (ms)"), x2="time_high_ms:Q"
    )
    drawing = alt.layer(points, rules).facet(row=alt.Row("size:N", title=None))
    return Chart(title, "Bars are 95 % intervals over rounds.", drawing)
