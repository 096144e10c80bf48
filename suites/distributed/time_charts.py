"""What a step takes: its time, how it scales, and what of it ranks wait."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.charts import COLOURS, RANK_PARTS, Chart
from suites.distributed.named import labelled, sizes

Panel = alt.LayerChart | alt.FacetChart  # what altair declares that layering returns
SCALINGS = {"strong_efficiency": "equal total work", "weak_efficiency": "equal work a rank"}
WIDTH = 400
BELOW = alt.Legend(orient="bottom", columns=2)
BLACK = "#1f2328"
NO_CORE = "no core to compute on"
CAPTION = (
    "The time of a step is the slowest rank's; lines are intervals over rounds. Efficiency is one "
    "process's time over the ranks', with the same global batch (and N times it) or with the batch "
    "of one rank: 1, the dashed line, is perfect. A rank waits, for messages or other ranks, where "
    "its thread neither computes nor lacks a core. The black tick is what the step's collectives "
    "take alone, one after another: what the red bar lacks of it is hidden behind computing."
)


def chart(rows: pd.DataFrame, where: str) -> Chart | None:
    """Draw what was timed on a device, of a problem at a precision; None where nothing was."""
    if not rows["time_s"].notna().any():
        return None
    shown = labelled(rows[rows["time_s"].notna()])
    panels = [p for p in (_times(shown), _exposed(shown), _scaling(shown)) if p is not None]
    halves = [alt.hconcat(*panels[i : i + 2], spacing=28) for i in range(0, len(panels), 2)]
    drawing = alt.vconcat(*[half.resolve_scale(color="independent") for half in halves])
    caption = f"{CAPTION}{_stragglers(shown)}{_oversubscribed(shown)}"
    title = f"What a step takes on {where}: {sizes(shown)}"
    return Chart(title, caption, drawing.resolve_scale(color="independent"))


def _times(rows: pd.DataFrame) -> Panel:
    data = rows[["label", "time_s", "time_low_s", "time_high_s"]].copy()
    for part in ("time", "time_low", "time_high"):
        data[part] = data.pop(f"{part}_s") * 1e3
    shown = [0.0, 1.6 * float(data["time"].max())]  # two rounds can have endless intervals
    x = alt.X("time:Q", title="time of a step (ms)", scale=alt.Scale(domain=shown, nice=False))
    columns = ("time", "time_low", "time_high")
    tooltip = ["label:N", *(alt.Tooltip(f"{c}:Q", format=".4g") for c in columns)]
    base = _base(data)
    bars = base.mark_bar(color="#8fb3d9").encode(x=x, tooltip=tooltip)
    rules = base.mark_rule(strokeWidth=1.5, clip=True).encode(
        x=alt.X("time_low:Q", title=""), x2="time_high:Q"
    )
    return alt.layer(bars, rules)


def _scaling(rows: pd.DataFrame) -> Panel | None:
    """Draw efficiencies as points with intervals; None where no process alone was timed."""
    frames = [
        pd.DataFrame(
            {
                "label": rows["label"],
                "beside one process at": told,
                "efficiency": rows[column],
                **{end: rows.get(f"{column}_{end}") for end in ("low", "high")},
            }
        )
        for column, told in SCALINGS.items()
        if column in rows
    ]
    data = pd.concat(frames).dropna(subset="efficiency") if frames else pd.DataFrame()
    if data.empty:
        return None
    most = max(1.05, 1.2 * float(data["efficiency"].max()))
    scale = alt.Scale(domain=[0.0, most], nice=False)
    told = sorted(data["beside one process at"].unique())
    colour = alt.Color(
        "beside one process at:N", scale=alt.Scale(domain=told, range=list(COLOURS[: len(told)])),
        legend=alt.Legend(orient="bottom"),
    )  # fmt: skip
    ends = ("efficiency", "low", "high")
    tooltip = ["label:N", *(alt.Tooltip(f"{end}:Q", format=".3f") for end in ends)]
    base = _base(data).encode(color=colour, yOffset="beside one process at:N")
    points = base.mark_point(filled=True, size=50, opacity=1).encode(
        x=alt.X("efficiency:Q", title="scaling efficiency", scale=scale), tooltip=tooltip
    )
    rules = base.mark_rule(clip=True).encode(x=alt.X("low:Q", title=""), x2="high:Q")
    perfect = alt.Chart(pd.DataFrame({"efficiency": [1.0]})).mark_rule(strokeDash=[4, 3])
    return alt.layer(perfect.encode(x="efficiency:Q"), rules, points)


def _exposed(rows: pd.DataFrame) -> Panel | None:
    """Draw computing and waiting, with what messages take alone; None where not measured."""
    needed = ["exposed_share", "coreless_share", "bare_over_step"]
    if not set(needed) <= set(rows) or rows["exposed_share"].isna().all():
        return None
    told = rows[rows["exposed_share"].notna()]
    step_ms = told["time_s"] * 1e3
    waits = step_ms * told["exposed_share"]
    computing, exposed, _ = RANK_PARTS
    coreless = step_ms * told["coreless_share"]
    parts = {computing: step_ms - waits - coreless, exposed: waits, NO_CORE: coreless}
    frames = [
        pd.DataFrame({"label": told["label"], "part": part, "ms": ms, "order": order})
        for order, (part, ms) in enumerate(parts.items())
    ]
    scale = alt.Scale(domain=list(parts), range=list(RANK_PARTS.values()))
    bars = _base(pd.concat(frames)).mark_bar().encode(
        x=alt.X("sum(ms):Q", title="a step of the ranks, on average (ms)"),
        color=alt.Color("part:N", title=None, scale=scale, legend=BELOW),
        order="order:Q",
        tooltip=["label:N", "part:N", alt.Tooltip("ms:Q", format=".4g")],
    )  # fmt: skip
    alone = pd.DataFrame({"label": told["label"], "alone": step_ms * told["bare_over_step"]})
    ticks = _base(alone).mark_tick(thickness=3, size=16, color=BLACK, opacity=1).encode(
        x=alt.X("alone:Q", title=""),
        tooltip=["label:N", alt.Tooltip("alone:Q", format=".4g", title="collectives alone (ms)")],
    )  # fmt: skip
    return alt.layer(bars, ticks)


def _base(data: pd.DataFrame) -> alt.Chart:
    labels = sorted(data["label"].unique())
    y = alt.Y("label:N", title=None, sort=labels, axis=alt.Axis(labelLimit=270))
    return alt.Chart(data, width=WIDTH - 140, height=max(22 * len(labels), 90)).encode(y=y)


def _stragglers(rows: pd.DataFrame) -> str:
    """Say whose ranks lie farthest apart: in when they end a step, and in what they compute."""
    told = []
    for column, what in (
        ("rank_time_spread", "ends of a step"),
        ("busy_spread", "computing of a step"),
    ):
        if column in rows and rows[column].notna().any():
            worst = rows.dropna(subset=column).sort_values(column).iloc[-1]
            told.append(f"in {what} in {worst['label']}, by {worst[column]:.1%} of it")
    return f" Ranks lie farthest apart {' and '.join(told)}." if told else ""


def _oversubscribed(rows: pd.DataFrame) -> str:
    flagged = rows["flags"].fillna("").str.contains("oversubscribed").any()
    return " Ranks outnumber cores: times are oversubscribed, the rest stands." if flagged else ""
