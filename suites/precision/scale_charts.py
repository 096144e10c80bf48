"""The scaler's scale over time: it climbs until gradients overflow, and halves there."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart


def over_steps(told: str, rows: pd.DataFrame, samples: pd.DataFrame) -> Chart | None:
    """Draw the scale of every policy that moved it, a line a seed; None where none did."""
    scales = samples[samples["quantity"] == "loss_scale_by_step"].copy()
    moved = scales.groupby("case")["value"].nunique() > 1
    scales = scales[scales["case"].isin(moved[moved].index)]
    if scales.empty:
        return None
    ends = [float(scales["value"].min()) / 2, 4 * float(scales["value"].max())]
    drawing = (
        alt.Chart(scales, width=620, height=150)
        .mark_line(interpolate="step-after", strokeWidth=1.5, opacity=0.75)
        .encode(
            x=alt.X("index:Q", title="step"),
            y=alt.Y(
                "value:Q",
                title="scale",
                scale=alt.Scale(type="log", base=2, domain=ends, nice=False),
                axis=alt.Axis(labelExpr="'2^' + format(log(datum.value) / log(2), '.0f')"),
            ),
            color=alt.Color(
                "seed:N", title="seed", scale=alt.Scale(range=list(COLOURS)),
                legend=alt.Legend(orient="right"),
            ),
            tooltip=["name:N", "seed:N", "index:Q", "value:Q"],
        )
    )  # fmt: skip
    if scales["name"].nunique() > 1:
        drawing = drawing.properties(width=280).facet(alt.Facet("name:N", title=None), columns=2)
    caption = (
        f"The factor on the loss of {', '.join(scales['name'].unique())}: doubled after a number "
        "of steps without overflow, halved where a gradient overflows, and that step is skipped."
        f"{_skipped(rows, set(scales['name']))}"
    )
    return Chart(f"The scaler's scale over time. {told}", caption, drawing)


def _skipped(rows: pd.DataFrame, names: set[str]) -> str:
    if "skipped_steps" not in rows:
        return ""
    own = rows[rows["name"].isin(names) & rows["skipped_steps"].notna()]
    told = [f"{n} {count:.1f}" for n, count in own[["name", "skipped_steps"]].itertuples(False)]
    return f" Skipped on average: {', '.join(told)} steps." if told else ""
