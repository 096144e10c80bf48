"""How many steps are enough, drawn: distance against cost, orders, errors, and the samples."""

from __future__ import annotations

from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from bench.charts import Chart, bars, counted, drawn
from suites.samplers.claimed import SAME_QUESTION
from suites.samplers.curves import Cast, cast_of, panel
from suites.samplers.enough import DISTANCES
from suites.samplers.front import front_in_words
from suites.samplers.mosaic import mosaics
from suites.samplers.orders import order_chart

PAGE_WIDTH = 1090  # pixels
NAME_WIDTH = 120  # of a sampler
PICTURE_WIDTH = (48, 88)  # of 16 samples, at least and at most
GAP = 8
TEXT_HEIGHT = 13  # of the figure below it
MOST_BELOW = 4  # rows below each other; more are laid out in two columns


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw every ground, that with most cases first; distances of other images are another's."""
    if "measured_nfe" not in table:
        return []  # nothing passed its check
    ok = table[(table["outcome"] == "ok") & table["measured_nfe"].notna()]
    ok = ok.assign(sampler=_names(ok))
    found: list[Chart] = []
    for task, own in sorted(_tasks(ok).items(), key=lambda item: -len(item[1])):
        found += _of_task(task, own, trajectories)
    return found


def _tasks(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Part rows by what distances stand on; name each by its ground, and by what sets it apart."""
    told: dict[str, pd.DataFrame] = {}
    for ground, own in rows.groupby("ground", sort=False):
        apart = [c for c in SAME_QUESTION if c in own and own[c].nunique(dropna=False) > 1]
        for values, part in own.groupby(apart, dropna=False) if apart else [((), own)]:
            words = ", ".join(f"{k}={v}" for k, v in zip(apart, values, strict=True))
            told[f"{ground} ({words})" if words else str(ground)] = part
    return told


def _names(rows: pd.DataFrame) -> pd.Series:
    """Name samplers, with their options where one ran under several."""
    several = rows.groupby("variant")["options"].transform("nunique") > 1
    return rows["variant"].where(~several, rows["variant"] + " " + rows["options"].fillna(""))


def _of_task(ground: str, rows: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw what a sampler's evaluations buy, then why: orders, errors, and the images."""
    measured = [name for name in DISTANCES if name in rows and rows[name].notna().any()]
    cast = cast_of(rows, measured[0] if measured else None)  # one for all: known again by colour
    found: list[Chart] = []
    for name in measured:
        draw = partial(_distance_chart, ground, name, _beside_floor(rows, name), cast)
        found += drawn(f"{DISTANCES[name]} on {ground}", draw)
    found += drawn(f"Order of convergence on {ground}", partial(order_chart, ground, rows))
    found += drawn(f"Error of the solvers on {ground}", partial(_errors, ground, rows, cast))
    shown = [("Samples", cast.chosen), ("Samples of the others", cast.others)]
    for what, names in shown:
        own = rows[rows["sampler"].isin(names)]
        pictures = partial(_samples, f"{what} on {ground}", own, names, measured, trajectories)
        found += drawn(f"{what} on {ground}", pictures)
    return found


def _beside_floor(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Keep what a distance was measured of; where there are two, each has its own floor."""
    measured = rows[rows[name].notna()]
    if f"{name}_floor" not in rows:
        return measured
    own = measured[f"{name}_floor"].fillna(measured["fd_floor"])
    return measured.assign(fd_floor=own)


def _distance_chart(ground: str, name: str, rows: pd.DataFrame, cast: Cast) -> Chart:
    timed = rows.assign(image_ms=rows["time_s"] / rows["batch"] * 1e3)
    timed = timed[timed["image_ms"].notna()]
    panels = [panel(rows, "measured_nfe", "network evaluations", name, DISTANCES[name], cast)]
    if len(timed):
        panels.append(panel(timed, "image_ms", "time an image (ms)", name, DISTANCES[name], cast))
    caption = (
        f"Both axes logarithmic; bands and bars are 95 % intervals over seeds. "
        f"{_floor_in_words(rows)} Ringed: the Pareto front, "
        f"nothing cheaper is nearer. {cast.in_words()}"
        f"{front_in_words(rows, 'measured_nfe', name, 'evaluations')}"
    )
    if len(timed):
        caption += " " + front_in_words(timed, "image_ms", name, "ms an image")
    drawing = alt.hconcat(*panels, spacing=26).resolve_scale(color="shared")
    return Chart(f"{DISTANCES[name]} on {ground}", caption, drawing)


def _floor_in_words(rows: pd.DataFrame) -> str:
    """Say what the dashed line is; given statistics have no images to make one of."""
    count = int(rows["fd_n"].max())
    if not has_floor(rows):
        return f"Of n = {count} images, against given statistics: no floor is known."
    return (
        f"Dashed: the distance between two disjoint sets of real images at the same n = {count}, "
        f"{rows['fd_floor'].mean():.3g}: below it lies no better sampler, only one that repeats "
        "what it was compared with."
    )


def has_floor(rows: pd.DataFrame) -> bool:
    return "fd_floor" in rows and bool(rows["fd_floor"].notna().any())


def _errors(ground: str, rows: pd.DataFrame, cast: Cast) -> Chart | None:
    """Draw the error of the solvers against evaluations; an error of 0 has no logarithm."""
    if "error" not in rows or not (rows["error"] > 0).any():
        return None
    drawn = rows[rows["error"] > 0].drop(columns=["fd_floor"], errors="ignore")
    caption = (
        "Root mean square error of the images against the same noise carried along the "
        "probability-flow ODE in fine steps; both axes logarithmic, so that an order of "
        f"convergence is a slope. {cast.in_words()}"
    ).strip()
    if hidden := len(rows[rows["error"] == 0]):
        are = "is" if hidden == 1 else "are"
        caption += f" {counted(hidden, 'case')} without any error {are} not drawn."
    if "other_image_share" in rows and rows["other_image_share"].notna().any():
        caption += " " + _strays(rows)
    drawing = panel(drawn, "measured_nfe", "network evaluations", "error", "error", cast)
    return Chart(f"Error of the solvers on {ground}", caption, drawing)


def _strays(rows: pd.DataFrame) -> str:
    """Tell how many paths end on another image than the true one, at the largest budget."""
    last = rows[rows["nfe"] == rows["nfe"].max()]
    told = [
        f"{row['sampler']} {row['other_image_share']:.1%}"
        for _, row in last.iterrows()
        if not pd.isna(row["other_image_share"])
    ]
    return f"Paths that end on another image at {last['nfe'].max()}: {', '.join(told)}."


def _samples(
    title: str, rows: pd.DataFrame, names: list[str], measured: list[str], samples: pd.DataFrame
) -> Chart | None:
    """Show the first images of samplers at every budget, all from the same noise."""
    found = mosaics(rows, samples, measured[0] if measured else None)
    if found.empty:
        return None
    half = -(-len(names) // 2) if len(names) > MOST_BELOW else len(names)
    columns = [_pictures(found, own) for own in (names[:half], names[half:]) if own]
    figure = f"Below each: {DISTANCES[measured[0]]}. " if measured else ""
    caption = f"Sixteen images each; the same place is the same noise in every picture. {figure}"
    return Chart(title, caption.strip(), alt.hconcat(*columns, spacing=30))


def _pictures(found: pd.DataFrame, names: list[str]) -> alt.LayerChart:
    """Lay pictures out, a row a sampler and a column a budget, with the distance below each."""
    own, side = found[found["sampler"].isin(names)], _side(found["nfe"].nunique())
    bare: dict[str, Any] = {"domain": False, "ticks": False}
    height = {"step": side + TEXT_HEIGHT + GAP / 2}
    base = alt.Chart(own, width={"step": side + GAP}, height=height).encode(
        x=alt.X("nfe:O", title="budget", axis=alt.Axis(labelAngle=0, orient="top", **bare)),
        y=alt.Y("sampler:N", title=None, sort=names, axis=alt.Axis(**bare)),
        tooltip=["sampler", "nfe", "measured_nfe", "distance"],
    )
    pictures = base.mark_image(width=side, height=side, yOffset=-TEXT_HEIGHT / 2)
    below = base.mark_text(dy=side / 2, fontSize=10, color="#5b6675")
    layers = alt.layer(pictures.encode(url="url:N"), below.encode(text="distance:N"))
    assert isinstance(layers, alt.LayerChart)
    return layers


def _side(num_budgets: int) -> int:
    """Return the width of a picture at which two columns of them fit the page."""
    room = (PAGE_WIDTH / 2 - NAME_WIDTH) / num_budgets - GAP
    return int(min(max(room, PICTURE_WIDTH[0]), PICTURE_WIDTH[1]))


def profile_charts(operators: pd.DataFrame, ranks: pd.DataFrame) -> list[Chart]:
    """Set the network against the solver that calls it, sampler by sampler."""
    del ranks
    caption = (
        "Milliseconds of a profiled call: within the network, and in the solver around it; what is "
        "outside operators is Python of either."
    )
    found = []
    for _, rows in operators.groupby("question", sort=False):
        named = rows.assign(where=rows["part"].where(rows["part"] != "", "solver"))
        found.append(
            Chart(
                f"Network and solver: {rows['title'].iloc[0]}",
                caption,
                bars(named, "name", "where"),
            )
        )
    return found
