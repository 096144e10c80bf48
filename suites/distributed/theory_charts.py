"""Bytes a rank and traffic a step, stacked, against two theories, at every number of ranks."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart
from suites.distributed.named import largest, sizes
from suites.distributed.theory import PASSES

KINDS = (
    *("parameters", "second_parameters", "gradients", "optimizer_state", "master_weights"),
    "buckets",
)
KIND_COLOURS = ("#3b6ea8", "#2a4a6d", "#8fb3d9", "#e0a458", "#b5654a", "#c9ced6")
PAPER, ENGINE = "the paper", "the engine's plan"
RED, BLACK = "#d1242f", "#1f2328"
BELOW = alt.Legend(orient="bottom", columns=6, labelLimit=200)
COLUMNS = 5  # strategies beside each other
Drawing = alt.LayerChart | alt.FacetChart  # what altair declares that layering returns
CAPTION = (
    "Above, bytes a rank holds after backward, by kind (grey buckets are no model states); below, "
    "what a step hands to each collective, in parameters (an all-reduce counts twice). N is the "
    "number of ranks. The long red marks, joined to a line over N, are the ZeRO paper's "
    "prediction, the short black ones the engine's own plan."
)


def chart(rows: pd.DataFrame, where: str) -> Chart | None:
    """Draw every strategy of a device, problem and precision; None where nothing was counted."""
    shown = largest(rows)
    panels = [panel for panel in (_bytes(shown), _traffic(shown)) if panel is not None]
    if not panels:
        return None
    several = len(shown) < len(rows)
    caption = f"{CAPTION}{' Of several sizes the largest is drawn.' if several else ''}"
    drawing = alt.vconcat(*panels, spacing=24).resolve_scale(color="independent")
    return Chart(f"What a rank holds and sends on {where}: {sizes(shown)}", caption, drawing)


def _bytes(rows: pd.DataFrame) -> Drawing | None:
    kinds = [kind for kind in KINDS if f"{kind}_bytes" in rows]
    if not kinds:
        return None
    data = _stacked(rows, {kind: rows[f"{kind}_bytes"] for kind in kinds})
    colours = [KIND_COLOURS[KINDS.index(kind)] for kind in kinds]
    marks = _theory(rows, "model_states", "_bytes")
    return _bars(data, marks, "bytes a parameter", kinds, colours)


def _traffic(rows: pd.DataFrame) -> Drawing | None:
    present = [name for name in PASSES if f"{name}_elements" in rows]
    if not present:
        return None
    counted = {name: PASSES[name] * rows[f"{name}_elements"] for name in present}
    marks = _theory(rows, "traffic", "_elements")
    colours = [*COLOURS[: len(present)]]
    return _bars(_stacked(rows, counted), marks, "elements a parameter", present, colours)


def _theory(rows: pd.DataFrame, quantity: str, unit: str) -> pd.DataFrame:
    """Return both predictions; a run may have cases that no row of the paper is about."""
    plans = {PAPER: f"{quantity}_paper{unit}", ENGINE: f"{quantity}_engine{unit}"}
    return _stacked(rows, {told: rows[column] for told, column in plans.items() if column in rows})


def _stacked(rows: pd.DataFrame, parts: dict[str, pd.Series[float]]) -> pd.DataFrame:
    """Return one row a strategy, number of ranks and part, by the number of parameters."""
    frames = [
        pd.DataFrame(
            {
                "name": rows["name"],
                "ranks": rows["ranks"].astype(int),
                "part": part.replace("_", " "),
                "value": values / rows["num_parameters"],
                "order": order,
            }
        )
        for order, (part, values) in enumerate(parts.items())
    ]
    return pd.concat(frames).dropna()


def _bars(
    data: pd.DataFrame, theory: pd.DataFrame, title: str, parts: list[str], colours: list[str]
) -> Drawing:
    """Draw a panel a strategy: a bar a number of ranks, cut by part, under the theories' marks."""
    names = [part.replace("_", " ") for part in parts]
    scale = alt.Scale(domain=names, range=colours)
    width = max(26 * data["ranks"].nunique(), 70)
    x = alt.X("ranks:O", title="N", axis=alt.Axis(labelAngle=0))
    words: list[Any] = ["name:N", "ranks:O", "part:N"]
    tooltip = [*words, alt.Tooltip("value:Q", format=".4f", title=title)]
    base = alt.Chart(width=width, height=130).encode(x=x, tooltip=tooltip)
    bars = (
        base.transform_filter(alt.FieldOneOfPredicate("part", names))
        .mark_bar()
        .encode(
            y=alt.Y("sum(value):Q", title=title),
            color=alt.Color("part:N", title=None, scale=scale, legend=BELOW),
            order="order:Q",
        )
    )
    paper = base.transform_filter(alt.FieldEqualPredicate(PAPER, "part"))
    plan = base.transform_filter(alt.FieldEqualPredicate(ENGINE, "part"))
    y = alt.Y("value:Q", title=title)
    layers = [
        bars,
        paper.mark_line(color=RED, strokeWidth=1).encode(y=y),
        paper.mark_tick(color=RED, thickness=3, size=24, opacity=1).encode(y=y),
        plan.mark_tick(color=BLACK, thickness=3, size=10, opacity=1).encode(y=y),
    ]
    together = pd.concat([data, theory])
    return alt.layer(*layers, data=together).facet(
        facet=alt.Facet("name:N", title=None), columns=COLUMNS
    )
