"""The order of convergence that each solver showed, beside the one that was published."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart
from suites.samplers.grids import LADDER

WITHIN = 0.2  # of the published order: two orders stay apart by 1
YES, NO = f"within {WITHIN} of it", "not so"


def order_chart(ground: str, rows: pd.DataFrame) -> Chart | None:
    """Draw the orders, one row a solver, the highest published order first."""
    if "observed_order" not in rows or rows["observed_order"].isna().all():
        return None
    data = _orders(rows)
    y = alt.Y("sampler:N", title=None, sort=list(data["sampler"]))
    tips: list[str | alt.Tooltip] = ["sampler"]
    tips += [alt.Tooltip(f"{c}:Q", format=".2f") for c in ("observed", "published")]
    axis = alt.X("published:Q", title="order of convergence", scale=alt.Scale(zero=False))
    base = alt.Chart(data, width=420, height={"step": 17}).encode(y=y, tooltip=tips)
    colour = alt.Color(
        "told:N", title=None, scale=alt.Scale(domain=[YES, NO], range=[COLOURS[2], COLOURS[1]])
    )
    drawing = alt.layer(
        base.mark_rule(color="#aab2bd").encode(x=axis, x2="observed:Q"),
        base.mark_tick(thickness=2, size=13, color="#1d2430").encode(x=axis),
        base.mark_circle(size=60, opacity=1).encode(x=alt.X("observed:Q", title=""), color=colour),
    )
    return Chart(f"Order of convergence on {ground}", _in_words(data), drawing)


def _orders(rows: pd.DataFrame) -> pd.DataFrame:
    known = rows[rows["observed_order"].notna()].groupby("sampler")
    data = pd.DataFrame(
        {"observed": known["observed_order"].mean(), "published": known["nominal_order"].first()}
    ).reset_index()
    near = (data["observed"] - data["published"]).abs() <= WITHIN
    data["told"] = near.map({True: YES, False: NO})
    return data.sort_values(["published", "observed", "sampler"], ascending=[False, False, True])


def _in_words(data: pd.DataFrame) -> str:
    off = data[data["told"] == NO]
    told = [f"{r['sampler']} {r['observed']:.2f} ({r['published']:.0f})" for _, r in off.iterrows()]
    tail = f" Not so: {', '.join(told)}." if told else ""
    return (
        f"Slope of the error over {LADDER[0]} to {LADDER[-1]} steps in float64; ticks are "
        "the published orders. "
        f"{len(data) - len(off)} of {len(data)} are within {WITHIN} of it.{tail}"
    )
