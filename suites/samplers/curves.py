"""Curves of many samplers that stay readable: the front and the classics in colour, others grey."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import pandas as pd

from bench.charts import COLOURS, counted
from suites.samplers.front import front_to_floor

LOG = alt.Scale(type="log", nice=False, padding=28)
AXIS = alt.Axis(format="~g", tickCount=6)
GREY = "#c9ced6"
CLASSICS = ("ddpm", "ddim")  # which a reader knows, and looks for
MOST_IN_COLOUR = 8
COLOURED = COLOURS[:-1]  # the last is a grey
Drawing = alt.LayerChart | alt.FacetChart  # what altair declares that layering returns


@dataclass(frozen=True)
class Cast:
    """Which samplers are drawn in colour, in the order of the legend, and which in grey."""

    chosen: list[str]
    others: list[str]

    def colour_of(self, rows: pd.DataFrame) -> alt.Color:
        """Return the colours of those that are drawn; what is not is not in the legend."""
        drawn = set(rows["sampler"])
        pairs = [p for p in zip(self.chosen, COLOURED, strict=False) if p[0] in drawn]
        scale = alt.Scale(domain=[name for name, _ in pairs], range=[tone for _, tone in pairs])
        legend = alt.Legend(symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1)
        return alt.Color("sampler:N", title=None, scale=scale, legend=legend)

    def in_words(self) -> str:
        if not self.others:
            return ""
        are = "is" if len(self.others) == 1 else "are"
        return (
            f"{counted(len(self.others), 'other sampler')} {are} grey: point at one for its name. "
        )


def cast_of(rows: pd.DataFrame, distance: str | None) -> Cast:
    """Choose all samplers where they are few, else those on the front and the classics."""
    names = sorted(rows["sampler"].unique())
    if len(names) <= MOST_IN_COLOUR or distance is None:
        return Cast(names[:MOST_IN_COLOUR], names[MOST_IN_COLOUR:])
    costs = [cost for cost in ("measured_nfe", "time_s") if rows[cost].notna().any()]
    on_front = [name for c in costs for name in front_to_floor(rows, c, distance)[0]["sampler"]]
    classics = rows.loc[rows["variant"].isin(CLASSICS), "sampler"].unique()[: len(CLASSICS)]
    nearest = rows.sort_values([distance])["sampler"].unique()  # fill up with these
    kept = list(dict.fromkeys(on_front))[: MOST_IN_COLOUR - len(classics)]
    first = dict.fromkeys([*kept, *classics])
    chosen = list(dict.fromkeys([*first, *nearest]))[: max(len(first), MOST_IN_COLOUR // 2)]
    return Cast(chosen, [name for name in names if name not in chosen])


def panel(rows: pd.DataFrame, x: str, title: str, y: str, named: str, cast: Cast) -> Drawing:
    """Draw a line a sampler with its interval, the floor of real images, and the front."""
    bounds = [c for c in (f"{y}_low", f"{y}_high") if c in rows]
    optional = [c for c in ("options", "time_s", "overhead_share", "fd_floor") if c in rows]
    data = rows[list(dict.fromkeys([x, y, "sampler", "nfe", "measured_nfe", *bounds, *optional]))]
    own = data[data["sampler"].isin(cast.chosen)]
    rest = data[data["sampler"].isin(cast.others)]
    across = alt.X(f"{x}:Q", title=title, scale=LOG, axis=AXIS)
    up = alt.Y(f"{y}:Q", title=named, scale=_scale(own, y), axis=AXIS)
    tips: list[str | alt.Tooltip] = [
        "sampler",
        "nfe",
        "measured_nfe",
        *_tips([y, *bounds]),
        *optional,
    ]

    layers = _floor(rows, y)
    if len(rest):
        grey = alt.Chart(rest).encode(x=across, y=up, detail="sampler:N", tooltip=tips)
        layers.append(grey.mark_line(strokeWidth=1.1, color=GREY, clip=True))
        layers.append(grey.mark_point(size=22, filled=True, color=GREY, clip=True))
    base = alt.Chart(own).encode(x=across, color=cast.colour_of(own))
    if len(bounds) == 2:
        layers += _intervals(base, bounds)
    layers.append(base.mark_line(strokeWidth=1.8, clip=True).encode(y=up))
    layers.append(base.mark_point(size=40, filled=True, clip=True).encode(y=up, tooltip=tips))
    return alt.layer(*layers, *_rings(rows, x, y, across, up)).properties(width=350, height=300)


def _tips(columns: list[str]) -> list[str | alt.Tooltip]:
    return [alt.Tooltip(f"{column}:Q", format=".4g") for column in columns]


def _scale(own: pd.DataFrame, y: str) -> alt.Scale:
    """Fit the scale to what is in colour: a grey line that blows up leaves at the top."""
    values = own.loc[own[y] > 0, y]
    lows = [float(values.min())]
    if "fd_floor" in own:
        lows.append(float(own["fd_floor"].mean()))
    domain = [min(lows) / 1.5, float(values.max()) * 1.5]
    return alt.Scale(type="log", nice=False, domain=domain)


def _floor(rows: pd.DataFrame, y: str) -> list[alt.Chart]:
    """Draw the distance between real images, dashed, with its interval as a band."""
    if "fd_floor" not in rows or rows["fd_floor"].isna().all():
        return []
    bounds = [c for c in ("fd_floor_low", "fd_floor_high") if c in rows]
    means = rows[["fd_floor", *bounds]].mean()
    found = pd.DataFrame([means])
    ruled = alt.Chart(found).mark_rule(strokeDash=[5, 4], color="#8a8f98", clip=True)
    layers = [ruled.encode(y=alt.Y("fd_floor:Q", title=""))]
    if len(bounds) == 2 and means["fd_floor_low"] > 0:
        band = alt.Chart(found).mark_rect(color="#8a8f98", opacity=0.13, clip=True)
        layers.insert(0, band.encode(y=alt.Y("fd_floor_low:Q", title=""), y2="fd_floor_high:Q"))
    return layers


def _intervals(base: alt.Chart, bounds: list[str]) -> list[alt.Chart]:
    """Draw intervals as a band and as bars; a logarithm has no room for bounds below 0."""
    shown = base.transform_filter(alt.datum[bounds[0]] > 0)
    ends = {"y": alt.Y(f"{bounds[0]}:Q", title=""), "y2": f"{bounds[1]}:Q"}
    return [
        shown.mark_area(opacity=0.14, clip=True).encode(**ends),
        shown.mark_rule(strokeWidth=1.4, clip=True).encode(**ends),
    ]


def _rings(rows: pd.DataFrame, x: str, y: str, across: alt.X, up: alt.Y) -> list[alt.Chart]:
    """Ring and name what nothing cheaper is nearer than; the solver's error has no front."""
    if "fd_floor" not in rows:
        return []
    base = alt.Chart(front_to_floor(rows, x, y)[0][[x, y, "sampler"]]).encode(x=across, y=up)
    ring = base.mark_point(size=130, filled=False, strokeWidth=1.2, color="#1d2430", clip=True)
    if x != "measured_nfe":  # times lie as near each other as they like, and names would overlap
        return [ring]
    name = base.mark_text(dy=14, dx=-4, align="right", fontSize=10.5)
    return [ring, name.encode(text="sampler:N")]
