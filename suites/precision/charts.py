"""What a policy does to speed, loss and memory; to the loss over steps; and to gradients."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from bench.charts import Chart, bars, drawn
from suites.precision import format_charts, gap_charts, gradient_charts, scale_charts, side_charts
from suites.precision.naming import EXACT, TELLING, WAYS, asks, named, title

PHASES = ("forward", "backward", "optimizer")
SIZES = ("batch", "seqlen", "num_layers", "dim", "channels", "width")


def charts(table: pd.DataFrame, trajectories: pd.DataFrame) -> list[Chart]:
    """Draw every workload at every size, the telling one last."""
    ok = table[(table["outcome"] == "ok") & (table["pass"] == "train")].copy()
    last = drawn("What number formats hold", partial(format_charts.formats, table))
    if ok.empty:
        return last
    ok["name"] = [named(row) for row in ok.to_dict("records")]
    found: list[Chart] = []
    ok["late"] = [_late(row) for row in ok.to_dict("records")]
    ok = ok.sort_values("late", kind="stable")
    for _, rows in ok.groupby(_sizes(ok), dropna=False, sort=False):
        first = rows.iloc[0].to_dict()
        own = _beside(rows, trajectories)
        told = title(first, [n for n in SIZES if n in rows and not pd.isna(first[n])])
        for draw in (side_charts.policies, gap_charts.over_steps, scale_charts.over_steps):
            found += drawn(told, partial(draw, told, rows, own))
        found += drawn(told, partial(gradient_charts.octaves, told, own))
    return [*found, *last]


def _late(row: dict[Any, Any]) -> tuple[bool, bool]:
    """Put usual steps first, and the workload that is made to tell policies apart last."""
    return any(asks(row, way) for way in WAYS), row["problem"] == TELLING


def _sizes(rows: pd.DataFrame) -> list[str]:
    return ["problem", "device", *(name for name in (*SIZES, *WAYS) if name in rows)]


def _beside(rows: pd.DataFrame, trajectories: pd.DataFrame) -> pd.DataFrame:
    """Return what was sampled of these cases, with their names; float32's first."""
    own = trajectories[trajectories["case"].isin(rows["case"])].copy()
    names: dict[str, Any] = dict(zip(rows["case"], rows["name"], strict=True))
    own["name"] = own["case"].map(names)
    return own.sort_values("name", key=lambda n: n != EXACT, kind="stable")


def profile_charts(operators: pd.DataFrame, ranks: pd.DataFrame) -> list[Chart]:
    """Draw a profiled training step of every policy, phase by phase."""
    del ranks
    caption = (
        "Milliseconds of a profiled step by phase and class of operator: what a policy speeds up, "
        "and what it adds in casts."
    )
    return [
        Chart(
            f"Where a step goes: {rows['title'].iloc[0]}",
            caption,
            bars(rows, "name", "class", "phase", PHASES),
        )
        for _, rows in operators.groupby("question", sort=False)
    ]
