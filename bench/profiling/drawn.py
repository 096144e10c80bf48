"""Drawings of profiles that suites share: bars of where steps spend their time, and lists of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import altair as alt
import pandas as pd

from bench.cases.chart import COLOURS
from bench.profiling.classes import OUTSIDE

GREY = "#c9ced6"
# the parts of a step of several ranks
RANK_PARTS = {"compute": "#4269d0", "exposed communication": "#ff725c", "idle": GREY}
MOST_OPERATORS = 16
WIDTH = 900
# Steps of many classes need more colours than other charts have: no two classes may share one.
MANY = (
    *COLOURS,
    "#22347d",
    "#a3320b",
    "#1b6e3c",
    "#5b2a8c",
    "#8a6a00",
    "#12747a",
    "#c2185b",
    "#7fb800",
)
LONGEST = 44  # letters of a name: with its phase it fits beside an axis


def short(name: str) -> str:
    """Shorten the name of an operator in its middle: what it ends in tells it from others."""
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[1 - half :]}"


def milliseconds() -> alt.X:
    """Return the axis of a step's time, its labels apart from one another."""
    axis = alt.Axis(labelFlush=False, tickCount=10)
    return alt.X("sum(ms):Q", title="ms of a step", axis=axis)


def bars(
    rows: pd.DataFrame,
    bar: str,
    part: str,
    panel: str | None = None,
    panels: Sequence[str] = (),
    colours: Mapping[str, str] = MappingProxyType({}),
) -> alt.Chart:
    """Draw the milliseconds of a step as a bar for each `bar`, cut by `part`.

    A `panel` for each of its values stands beside the others, `panels` first; `colours` are those
    of parts that have their own, in that order.
    """
    keys = [name for name in (bar, part, panel) if name]
    data = rows.groupby(keys, sort=False)["seconds"].sum().reset_index()
    data["ms"] = data["seconds"] * 1e3
    whole = data.groupby(bar)["seconds"].sum()
    data["share"] = data["seconds"] / data[bar].map(whole)
    data["place"] = data[part].map(list(colours).index) if colours else -data["seconds"]
    found = list(dict.fromkeys(data[panel])) if panel else [""]
    order = [name for name in (*panels, *sorted(set(found) - set(panels))) if name in found]
    beside = {"column": alt.Column(f"{panel}:N", title=None, sort=order)} if panel else {}
    return (
        alt.Chart(data, width=WIDTH // len(found) - 40, height=alt.Step(22))
        .mark_bar()
        .encode(
            x=milliseconds(),
            y=alt.Y(f"{bar}:N", title=None),
            color=colour(data, part, colours),
            order="place:Q",
            tooltip=[
                *(f"{name}:N" for name in keys),
                alt.Tooltip("ms:Q", format=".4g"),
                alt.Tooltip("share:Q", format=".1%", title="of the step"),
            ],
            **beside,
        )
    )


def colour(
    data: pd.DataFrame, part: str, colours: Mapping[str, str] = MappingProxyType({})
) -> alt.Color:
    """Return a colour for every part, the largest first; grey for what is no operator."""
    if colours:
        own = alt.Scale(domain=list(colours), range=list(colours.values()))
        return alt.Color(f"{part}:N", title=None, scale=own, legend=alt.Legend(orient="bottom"))
    order = data.groupby(part)["seconds"].sum().sort_values(ascending=False).index
    names = [name for name in order if name != OUTSIDE]
    drawn = [MANY[number % len(MANY)] for number in range(len(names))]
    domain = [*names, *([OUTSIDE] if OUTSIDE in set(order) else [])]
    return alt.Color(
        f"{part}:N",
        title=None,
        scale=alt.Scale(domain=domain, range=[*drawn, GREY][: len(domain)]),
        legend=alt.Legend(orient="bottom", columns=6),
    )


def lists(rows: pd.DataFrame, bar: str) -> alt.LayerChart | alt.FacetChart:
    """Draw a column for each `bar`: which operators a step spends its time in, as shares of it."""
    rows = rows.assign(operator=rows["operator"].str.removeprefix("aten::").map(short))
    sums = rows.groupby([bar, "operator"], as_index=False)[["seconds", "calls"]].sum()
    sums["share"] = sums["seconds"] / sums[bar].map(sums.groupby(bar)["seconds"].sum())
    longest = sums.groupby("operator")["share"].max().nlargest(MOST_OPERATORS).index
    data = sums[sums["operator"].isin(longest) & (sums["share"] >= 0.005)]
    data = data.assign(ms=data["seconds"] * 1e3)
    columns = data[bar].nunique()
    base = alt.Chart(data, width=min(90 * columns, WIDTH - 100), height=alt.Step(19)).encode(
        x=alt.X(f"{bar}:N", title=None, axis=alt.Axis(orient="top", labelAngle=-30)),
        y=alt.Y("operator:N", title=None, sort=list(longest), axis=alt.Axis(labelLimit=320)),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "share:Q",
            title="of the step",
            scale=alt.Scale(scheme="blues", domain=[0, 0.6], clamp=True),
        ),
        tooltip=[
            f"{bar}:N",
            "operator:N",
            alt.Tooltip("share:Q", format=".1%", title="of the step"),
            alt.Tooltip("ms:Q", format=".4g"),
            alt.Tooltip("calls:Q", format=".4g"),
        ],
    )
    told = base.mark_text(fontSize=10).encode(
        text=alt.Text("share:Q", format=".0%"),
        color=alt.condition("datum.share > 0.3", alt.value("white"), alt.value("#1d2430")),
    )
    return alt.layer(cells, told)
