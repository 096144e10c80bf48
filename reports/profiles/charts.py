"""The pictures of a profile: where a step's time goes, what bounds what, memory, stacks, ranks."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.cases.chart import COLOURS, Chart
from bench.profiling.classes import OUTSIDE
from bench.profiling.drawn import GREY, RANK_PARTS, bars, colour, milliseconds, short
from bench.profiling.facts import MemoryOverTime
from bench.profiling.flame import Frame
from bench.profiling.operators import breakdown
from bench.profiling.overlap import Overlap
from bench.profiling.steps import BETWEEN

UNNAMED = ("forward", "backward", BETWEEN)
LIMITS = {
    "compute": "#4269d0",
    "memory": "#efb118",
    "launch": "#ff725c",
    "neither": "#9498a0",
    "not known": GREY,
}
SHOWN = 14  # operators in a picture
LEAST = 0.003  # of a step
WIDTH = 1040


def where_time_goes(table: pd.DataFrame, phases: list[str]) -> Chart:
    """Draw the step as bars of phases and parts, cut by class of operator; phases in order."""
    data = breakdown(table)
    order = [*phases, *(name for name in UNNAMED if name not in phases)]
    data = data.sort_values("phase", key=lambda s: s.map(order.index), kind="stable")
    data["where"] = [_where(row) for _, row in data.iterrows()]
    sums = data.groupby(["where", "class"], sort=False)["seconds"].sum()
    data = sums.reset_index()
    data["ms"], data["share"] = data["seconds"] * 1e3, data["seconds"] / data["seconds"].sum()
    drawing = (
        alt.Chart(data, width=WIDTH - 120, height=alt.Step(34))
        .mark_bar()
        .encode(
            x=milliseconds(),
            y=alt.Y("where:N", title=None, sort=None),
            color=colour(data, "class"),
            order=alt.Order("seconds:Q", sort="descending"),
            tooltip=[
                "where:N",
                "class:N",
                alt.Tooltip("ms:Q", format=".4g"),
                alt.Tooltip("share:Q", format=".1%", title="of the step"),
            ],
        )
    )
    return Chart("Where the time of a step goes", "", drawing)


def _where(row: pd.Series) -> str:
    return f"{row['phase']}: {row['part']}" if row["part"] else str(row["phase"])


def what_bounds(table: pd.DataFrame) -> Chart | None:
    """Draw the operators that take longest, and what sets the least time of each."""
    spent = "device_s" if (table["device_s"] > 0).any() else "self_s"
    own = (table["class"] != OUTSIDE) & (table["share"] >= LEAST)
    data = table[own].nlargest(SHOWN, spent)
    if data.empty:
        return None
    data = data.assign(
        name=data["operator"].str.removeprefix("aten::").map(short) + " · " + data["phase"],
        limit=data["limit"].where(data["limit"] != "", "not known"),
        ms=data[spent] * 1e3,
        of_roofline=data["roofline_share"].astype(float),
    )
    names = [name for name in LIMITS if name in set(data["limit"])]
    drawing = (
        alt.Chart(data[["name", "limit", "ms", "calls", "of_roofline"]], width=WIDTH - 320)
        .mark_bar()
        .encode(
            x=milliseconds(),
            y=alt.Y("name:N", title=None, sort="-x", axis=alt.Axis(labelLimit=380)),
            color=alt.Color(
                "limit:N",
                title="bound by",
                scale=alt.Scale(domain=names, range=[LIMITS[name] for name in names]),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[
                "name:N",
                "limit:N",
                alt.Tooltip("ms:Q", format=".4g"),
                alt.Tooltip("calls:Q", format=".4g"),
                alt.Tooltip("of_roofline:Q", format=".0%", title="of its roofline"),
            ],
        )
    )
    return Chart("Which operators take it, and what bounds each", "", drawing)


def ranks(found: list[Overlap]) -> Chart | None:
    """Draw each rank's step as computing, communication that nothing hides, and neither."""
    if len(found) < 2:
        return None
    rows = [
        (f"rank {own.rank}", part, seconds)
        for own in found
        for part, seconds in zip(
            RANK_PARTS, (own.compute_s, own.exposed_s, own.idle_s), strict=True
        )
    ]
    hidden = ", ".join(f"rank {o.rank} {o.hidden_s * 1e3:.3g} ms" for o in found)
    data = pd.DataFrame(rows, columns=["rank", "part", "seconds"])
    drawing = bars(data, "rank", "part", colours=RANK_PARTS)
    return Chart("Ranks: computing and communicating", f"Hidden: {hidden}.", drawing)


def memory(found: MemoryOverTime) -> Chart | None:
    """Draw the bytes alive over a step, by category."""
    rows = [
        (time_s * 1e3, name, num_bytes / 2**20)
        for name, series in found.bytes_by_category.items()
        for time_s, num_bytes in zip(found.times_s, series, strict=False)
    ]
    if not rows:
        return None
    data = pd.DataFrame(rows, columns=["ms", "category", "MiB"])
    drawing = (
        alt.Chart(data, width=WIDTH - 60, height=190)
        .mark_area(interpolate="step-after")
        .encode(
            x=alt.X(
                "ms:Q",
                title="ms since the step began, with stacks recorded",
                axis=alt.Axis(labelFlush=False, tickCount=10),
            ),
            y=alt.Y("MiB:Q", title="MiB alive", stack="zero"),
            color=alt.Color(
                "category:N",
                title=None,
                scale=alt.Scale(range=list(COLOURS)),
                legend=alt.Legend(orient="bottom", columns=5),
            ),
            tooltip=["category:N", alt.Tooltip("MiB:Q", format=".4g")],
        )
    )
    return Chart("Memory over a step, by category", "", drawing)


def flame(found: list[Frame]) -> Chart | None:
    """Draw the stacks of a step: wide is long, callers above what they call."""
    if not found:
        return None
    data = pd.DataFrame(
        {
            "name": [frame.name for frame in found],
            "left": [frame.left for frame in found],
            "right": [frame.right for frame in found],
            "top": [frame.depth for frame in found],
            "bottom": [frame.depth + 0.94 for frame in found],
            "share": [frame.right - frame.left for frame in found],
            "kind": ["operator" if "::" in frame.name else "Python" for frame in found],
        }
    )
    depth = int(data["top"].max()) + 1
    x = alt.X("left:Q", title=None, axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
    y = alt.Y("top:Q", title=None, axis=None, scale=alt.Scale(domain=[depth, 0], nice=False))
    base = alt.Chart(data, width=WIDTH, height=15 * depth).encode(x=x, y=y)
    rects = base.mark_rect(stroke="white", strokeWidth=0.5).encode(
        x2="right:Q",
        y2="bottom:Q",
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=["Python", "operator"], range=["#f3c98b", "#97bbf5"]),
            legend=alt.Legend(orient="bottom"),
        ),
        tooltip=["name:N", alt.Tooltip("share:Q", format=".1%", title="of the step")],
    )
    wide = data[data["share"] > 0.05]
    pairs = zip(wide["name"], wide["share"], strict=True)
    wide = wide.assign(label=[name[: int(share * WIDTH / 6)] for name, share in pairs])
    words = (
        alt.Chart(wide)
        .mark_text(align="left", baseline="top", dx=3, dy=1, fontSize=9.5, color="#1d2430")
        .encode(x=x, y=y, text="label:N")
    )
    return Chart("Stacks of one step", "", alt.layer(rects, words))
