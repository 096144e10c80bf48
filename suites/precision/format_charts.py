"""The formats table, drawn: what each holds in log2, and its figures beside it."""

from __future__ import annotations

import math

import altair as alt
import pandas as pd

from bench.charts import Chart
from suites.precision.standards import STANDARDS

FIGURES = {
    "largest": "largest",
    "smallest_normal": "smallest normal",
    "smallest_subnormal": "subnormal",
    "epsilon": "epsilon",
    "decimal_digits": "digits",
}
STEP = 20
DARK, LIGHT = "#3b6ea8", "#b9d0e8"


def formats(table: pd.DataFrame) -> Chart | None:
    """Draw every format that was found out; None where none was."""
    asked = table[(table["problem"] == "NumberFormat") & (table["outcome"] == "ok")]
    if asked.empty:
        return None
    data = asked[["format"]].copy()
    for name in FIGURES:
        data[name] = asked[f"format_{name}"]
    for name in ("largest", "smallest_normal", "smallest_subnormal"):
        data[f"log2_{name}"] = data[name].map(math.log2)
    order = [name for name in STANDARDS if name in set(data["format"])]
    drawing = alt.hconcat(
        _ranges(data, order), *(_column(data, order, *names) for names in FIGURES.items()),
        spacing=4,
    )  # fmt: skip
    caption = (
        "Found out by rounding numbers to a format and back. Dark: normal numbers; light: "
        "subnormal ones, which are less precise the smaller they are. Digits are decimals that "
        "always come back."
    )
    return Chart("What number formats hold", caption, drawing)


def _ranges(data: pd.DataFrame, order: list[str]) -> alt.LayerChart | alt.FacetChart:
    scale = alt.Scale(domain=[-150, 130], nice=False)
    base = alt.Chart(data, width=330, height=alt.Step(STEP)).encode(
        y=alt.Y("format:N", title=None, sort=order)
    )
    called = "log2 of a number's size"
    normal = base.mark_bar(color=DARK, clip=True).encode(
        x=alt.X("log2_smallest_normal:Q", title=called, scale=scale), x2="log2_largest:Q"
    )
    below = base.mark_bar(color=LIGHT, clip=True).encode(
        x=alt.X("log2_smallest_subnormal:Q", title=called, scale=scale),
        x2="log2_smallest_normal:Q",
    )
    return alt.layer(below, normal)


def _column(data: pd.DataFrame, order: list[str], name: str, told: str) -> alt.Chart:
    digits = name == "decimal_digits"
    return (
        alt.Chart(data, width=52 if digits else 84, height=alt.Step(STEP), title=_title(told))
        .mark_text(align="right", dx=24 if digits else 38, fontSize=11)
        .encode(
            y=alt.Y("format:N", title=None, sort=order, axis=None),
            text=alt.Text(f"{name}:Q", format=".0f" if digits else ".4~g"),
        )
    )


def _title(told: str) -> alt.TitleParams:
    return alt.TitleParams(told, fontSize=11, fontWeight="normal", anchor="end")
