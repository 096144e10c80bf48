"""Distance against evaluations and seconds, error on the exact grounds, and the samples."""

from __future__ import annotations

from functools import partial

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart, counted, drawn
from suites.samplers.front import front_in_words
from suites.samplers.mosaic import mosaics

DISTANCES = {
    "fid": "FID (Inception-v3)",
    "fid_pytorch": "FID (Inception-v3, pytorch-fid's resize)",
    "fid_clean": "FID (Inception-v3, clean-fid's resize)",
    "fd_digits_cnn": "FD(digits-cnn)",
    "fd_coordinates": "FD(coordinates)",
}
LOG = alt.Scale(type="log", nice=False, padding=10)
AXIS = alt.Axis(format="~g", tickCount=6)
GRID_WIDTH = 66  # pixels of one picture of 16 samples


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw every ground: distance, error where it is known, and what the samples look like."""
    if "measured_nfe" not in table:
        return []  # nothing passed its check
    ok = table[(table["outcome"] == "ok") & table["measured_nfe"].notna()]
    ok = ok.assign(sampler=_names(ok))
    colour = _colour(ok["sampler"])  # one for all, so that a sampler is known again
    found: list[Chart] = []
    for ground, rows in ok.groupby("ground", sort=False):
        found += _distances(str(ground), rows, colour)
        found += drawn(f"Error of the solvers on {ground}", partial(_errors, ground, rows, colour))
        found += drawn(f"Samples on {ground}", partial(_samples, ground, rows, trajectories))
    return found


def _names(rows: pd.DataFrame) -> pd.Series:
    """Name samplers, with their options where one ran under several."""
    several = rows.groupby("variant")["options"].transform("nunique") > 1
    return rows["variant"].where(~several, rows["variant"] + " " + rows["options"].fillna(""))


def _distances(ground: str, rows: pd.DataFrame, colour: alt.Color) -> list[Chart]:
    """Draw each distance there is against evaluations and, where it was timed, seconds."""
    found: list[Chart] = []
    for name in DISTANCES:
        if name in rows and rows[name].notna().any():
            measured = rows[rows[name].notna()]
            if f"{name}_floor" in rows:  # where there are two distances, each has its own
                own = measured[f"{name}_floor"].fillna(measured["fd_floor"])
                measured = measured.assign(fd_floor=own)
            draw = partial(_distance_chart, ground, name, measured, colour)
            found += drawn(f"{DISTANCES[name]} on {ground}", draw)
    return found


def _distance_chart(ground: str, name: str, rows: pd.DataFrame, colour: alt.Color) -> Chart:
    timed = rows.assign(image_ms=rows["time_s"] / rows["batch"] * 1e3)
    timed = timed[timed["image_ms"].notna()]
    panels = [_panel(rows, "measured_nfe", "network evaluations", name, colour)]
    if len(timed):
        panels.append(_panel(timed, "image_ms", "time an image (ms)", name, colour))
    caption = (
        f"Both axes logarithmic; bars are 95 % intervals over seeds. {_floor_in_words(rows)} "
        f"{front_in_words(rows, 'measured_nfe', name, 'evaluations')}"
    )
    if len(timed):
        caption += " " + front_in_words(timed, "image_ms", name, "ms an image")
    return Chart(f"{DISTANCES[name]} on {ground}", caption, alt.hconcat(*panels, spacing=30))


def _floor_in_words(rows: pd.DataFrame) -> str:
    """Say what the dashed line is; given statistics have no images to make one of."""
    count = int(rows["fd_n"].max())
    if not _has_floor(rows):
        return f"Of n = {count} images, against given statistics: no floor is known."
    return (
        f"Dashed: the distance between two disjoint sets of real images at the same n = {count}, "
        f"{rows['fd_floor'].mean():.3g}: below it lies no better sampler, only one that repeats "
        "what it was compared with."
    )


def _has_floor(rows: pd.DataFrame) -> bool:
    return "fd_floor" in rows and bool(rows["fd_floor"].notna().any())


def _panel(
    rows: pd.DataFrame, x: str, title: str, y: str, colour: alt.Color
) -> alt.LayerChart | alt.FacetChart:
    """Draw one line a sampler, with intervals, above the floor of real against real."""
    bounds = [c for c in (f"{y}_low", f"{y}_high") if c in rows]
    optional = [c for c in ("options", "time_s", "overhead_share", "fd_floor") if c in rows]
    data = rows[list(dict.fromkeys([x, y, "sampler", "nfe", "measured_nfe", *bounds, *optional]))]
    base = alt.Chart(data, width=330, height=260).encode(
        x=alt.X(f"{x}:Q", title=title, scale=LOG, axis=AXIS), color=colour
    )
    distance = alt.Y(f"{y}:Q", title=DISTANCES.get(y, y), scale=LOG, axis=AXIS)
    tips = ["sampler", "nfe", "measured_nfe", alt.Tooltip(f"{y}:Q", format=".4g"), *optional]
    layers: list[alt.Chart] = [
        base.mark_line(strokeWidth=1.8).encode(y=distance),
        base.mark_point(size=44, filled=True).encode(y=distance, tooltip=tips),
    ]
    if len(bounds) == 2:
        low = alt.datum[bounds[0]] > 0  # a logarithm has no room for less
        bars = base.transform_filter(low).mark_rule(strokeWidth=1.4)
        layers.append(bars.encode(y=alt.Y(f"{bounds[0]}:Q", title=""), y2=f"{bounds[1]}:Q"))
    if _has_floor(data):
        floor = pd.DataFrame({y: [float(data["fd_floor"].mean())]})
        rule = alt.Chart(floor).mark_rule(strokeDash=[5, 4], color="#8a8f98")
        layers.append(rule.encode(y=alt.Y(f"{y}:Q", title="")))
    return alt.layer(*layers)


def _colour(samplers: pd.Series) -> alt.Color:
    names = sorted(samplers.unique())
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(names))]
    return alt.Color("sampler:N", title=None, scale=alt.Scale(domain=names, range=colours))


def _errors(ground: object, rows: pd.DataFrame, colour: alt.Color) -> Chart | None:
    """Draw the error of the solvers against evaluations; an error of 0 has no logarithm."""
    if "error" not in rows or not (rows["error"] > 0).any():
        return None
    drawn = rows[rows["error"] > 0].drop(columns=["fd_floor"], errors="ignore")
    caption = (
        "Root mean square error of the images against the same noise carried along the "
        "probability-flow ODE in fine steps; both axes logarithmic, so that an order of "
        "convergence is a slope."
    )
    if hidden := len(rows[rows["error"] == 0]):
        are = "is" if hidden == 1 else "are"
        caption += f" {counted(hidden, 'case')} without any error {are} not drawn."
    for column, words in (("observed_order", _orders), ("other_image_share", _strays)):
        if column in rows and rows[column].notna().any():
            caption += " " + words(rows)
    drawing = _panel(drawn, "measured_nfe", "network evaluations", "error", colour)
    return Chart(f"Error of the solvers on {ground}", caption, drawing)


def _orders(rows: pd.DataFrame) -> str:
    """Tell the order each solver showed in float64, beside the published one."""
    known = rows[rows["observed_order"].notna()].groupby("sampler")
    told = [
        f"{name} {own['observed_order'].mean():.2f} ({own['nominal_order'].iloc[0]:.0f})"
        for name, own in known
    ]
    return f"Order observed in float64 (published): {', '.join(told)}."


def _strays(rows: pd.DataFrame) -> str:
    """Tell how many paths end on another image than the true one, at the largest budget."""
    last = rows[rows["nfe"] == rows["nfe"].max()]
    told = [
        f"{row['sampler']} {row['other_image_share']:.1%}"
        for _, row in last.iterrows()
        if not pd.isna(row["other_image_share"])
    ]
    return f"Paths that end on another image at {last['nfe'].max()}: {', '.join(told)}."


def _samples(ground: object, rows: pd.DataFrame, trajectories: pd.DataFrame) -> Chart | None:
    """Show the first images of every sampler at every budget, all from the same noise."""
    found = mosaics(rows, trajectories)
    if found.empty:
        return None
    drawing = (
        alt.Chart(found, width={"step": GRID_WIDTH + 6}, height={"step": GRID_WIDTH + 6})
        .mark_image(width=GRID_WIDTH, height=GRID_WIDTH)
        .encode(
            x=alt.X("nfe:O", title="budget of network evaluations", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("sampler:N", title=None),
            url="url:N",
            tooltip=["sampler", "nfe", "measured_nfe"],
        )
    )
    caption = "Sixteen images each; the same place is the same noise in every picture."
    return Chart(f"Samples on {ground}", caption, drawing)
