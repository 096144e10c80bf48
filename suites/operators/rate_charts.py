"""Rates of products and convolutions by type, and their share of the ceiling."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart

RATED = ("MatrixProduct", "ScaledProduct", "Convolution")
SIZES = ("rows", "inner", "cols", "batch", "channels_in", "channels_out", "side")


def rates(rows: pd.DataFrame) -> Chart | None:
    """Draw the achieved rate of every form at every size, in the order of sizes."""
    data = rows[rows["flops_per_s"].notna()].copy()
    if data.empty:
        return None
    data["gflops"] = data["flops_per_s"] / 1e9
    data["size"] = [
        ", ".join(
            f"{name} {row[name]:.0f}" for name in SIZES if name in row and row[name] == row[name]
        )
        for row in data.to_dict("records")
    ]
    narrow = data["problem"] == "ScaledProduct"
    data["type"] = data["dtype"].mask(narrow, "float8 e4m3")
    data["form"] = data["variant"] + " " + data["type"]
    data["share"] = [_share(row) for row in data.to_dict("records")]
    base = alt.Chart(data, width=430, height=alt.Step(18)).encode(
        y=alt.Y("form:N", title=None),
        x=alt.X("gflops:Q", title="GFLOP/s"),
    )
    bars = base.mark_bar().encode(
        color=alt.Color("type:N", legend=None, scale=alt.Scale(range=list(COLOURS))),
        tooltip=["form:N", "size:N", alt.Tooltip("gflops:Q", format=".4g"), "share:N"],
    )
    words = base.mark_text(align="left", dx=4, fontSize=10).encode(text="share:N")
    header = alt.Header(labelAngle=0, labelAlign="left", labelAnchor="start", labelOrient="top")
    drawing = alt.layer(bars, words).facet(row=alt.Row("size:N", title=None, header=header))
    caption = (
        "What each form computes a second, and in % how much of the best that this device's "
        "products or bandwidth leave it; of products that stay in float8 no best was measured."
    )
    return Chart(
        "Rates of products and convolutions", caption, drawing.resolve_scale(y="independent")
    )


def _share(row: dict[Any, Any]) -> str:
    """Write the share of the ceiling; nothing where no product of that type was measured."""
    share = row.get("roofline_share")
    unknown = row["variant"] == "scaled_mm" or share is None or share != share
    return "" if unknown else f"{share:.0%}"
