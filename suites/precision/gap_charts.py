"""Loss gaps over steps: each policy's loss beyond float32's, paired by seed, with its band."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.answers import estimate_mean
from bench.charts import Chart
from suites.precision.naming import EXACT
from suites.precision.side_charts import BLUE, WIDE, percents

PAIR = ["seed", "index"]
POINTS = 30  # along a trajectory; what lies between them is averaged, seed by seed
COLUMNS = 4


def over_steps(told: str, rows: pd.DataFrame, samples: pd.DataFrame) -> Chart | None:
    """Draw a panel a policy: mean over seeds, and its 95 % interval at every point."""
    gaps = _gaps(samples[samples["quantity"] == "loss"])
    if gaps.empty:
        return None
    order = list(dict.fromkeys(gaps.groupby("name")["gap"].last().abs().sort_values().index))
    far = float(gaps["gap"].abs().max()) > WIDE
    scale, axis = percents(gaps["gap"])
    base = alt.Chart(gaps, width=205, height=120).encode(x=alt.X("step:Q", title="step"))
    called = "gap (%)"
    zero = base.mark_rule(color="#aab2bd", strokeDash=[4, 3]).encode(
        y=alt.YDatum(0, title=called, scale=scale, axis=axis)
    )
    band = base.mark_area(opacity=0.25, color=BLUE, clip=True).encode(
        y=alt.Y("low:Q", title=called, scale=scale, axis=axis), y2="high:Q"
    )
    line = base.mark_line(strokeWidth=1.6, color=BLUE).encode(
        y=alt.Y("gap:Q", title=called, scale=scale, axis=axis),
        tooltip=["name:N", "step:Q", alt.Tooltip("gap:Q", format="+.3g", title="gap (%)")],
    )
    facet = alt.Facet("name:N", title=None, sort=order, header=alt.Header(labelFontWeight="bold"))
    seeds = int(gaps["seeds"].max())
    caption = (
        f"What a policy's loss lies above float32's, in % of it, step by step on the same weights "
        f"and batches: the mean over {seeds} seeds and its 95 % interval, means of neighbouring "
        f"steps. {'Beyond 1 % the axis is logarithmic.' if far else ''}"
    )
    drawing = alt.layer(zero, band, line).facet(facet=facet, columns=COLUMNS)
    return Chart(f"Loss gaps over steps. {told}", caption.strip(), drawing)


def _gaps(losses: pd.DataFrame) -> pd.DataFrame:
    """Return mean and bounds of the gap by policy and point; float32's own is left out."""
    exact = losses[losses["name"] == EXACT].set_index(PAIR)["value"]
    others = losses[losses["name"] != EXACT].join(exact.rename("exact"), on=PAIR, how="inner")
    if others.empty:
        return others.assign(gap=[])
    every = max(int(others["index"].max() + 1) // POINTS, 1)
    others["gap"] = 100 * (others["value"] / others["exact"] - 1)
    others["step"] = others["index"] // every * every + (every - 1) / 2
    by_seed = others.groupby(["name", "step", "seed"], as_index=False)["gap"].mean()
    found = [
        (name, step, mean.estimate, mean.low, mean.high, mean.count)
        for (name, step), own in by_seed.groupby(["name", "step"])
        for mean in [estimate_mean(list(own["gap"]))]
    ]
    return pd.DataFrame(found, columns=["name", "step", "gap", "low", "high", "seeds"])
