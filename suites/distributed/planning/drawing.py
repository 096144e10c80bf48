"""The plan's chart: bytes a rank, and where a run told rates the time, up to 4096 ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import altair as alt
import pandas as pd

from bench.answers import Interval
from bench.charts import COLOURS, Chart
from suites.distributed.planning.holding import Plan, held
from suites.distributed.planning.strategies import Planned

RANKS = [2**power for power in range(13)]
DASHES = [[1, 0], [6, 3], [2, 2]]
Seconds = Callable[[Plan, Planned], Interval | None]


def chart(
    plan: Plan, chosen: Sequence[Planned], memory: float | None, seconds: Seconds | None
) -> Chart:
    """Draw what is predicted, by strategy and number of ranks."""
    rows = []
    for strategy in chosen:
        for ranks in RANKS:
            one = replace(plan, ranks=ranks)
            found = held(one, strategy)
            time = seconds(one, strategy) if seconds else None
            rows.append(
                {
                    "strategy": strategy.name,
                    "ranks": ranks,
                    "gigabytes": found.total / 1e9,
                    "seconds": time.estimate if time else None,
                    "low": time.low if time else None,
                    "high": time.high if time else None,
                }
            )
    data, names = pd.DataFrame(rows), [strategy.name for strategy in chosen]
    panels: list[Any] = [_bytes(data, memory, names)]
    if data["seconds"].notna().any():
        timed = data[data["seconds"].notna()]
        panels.append(_times(timed, names))
    caption = (
        "Predicted, not measured: bytes on a rank's device with activations and what is gathered"
        + (", the grey line is its memory." if memory else ".")
        + (" Times follow rates of a run; bands are their stated error." if len(panels) > 1 else "")
    )
    return Chart(
        "Predicted, up to 4096 ranks",
        caption,
        alt.hconcat(*panels, spacing=28),
    )


def _bytes(data: pd.DataFrame, memory: float | None, names: Sequence[str]) -> Any:
    lines = _lines(data, "gigabytes", "predicted on a rank's device (GB)", names)
    if memory is None:
        return lines
    limit = alt.Chart(pd.DataFrame({"gigabytes": [memory / 1e9]}))
    return alt.layer(lines, limit.mark_rule(color="#5b6675").encode(y="gigabytes:Q"))


def _times(timed: pd.DataFrame, names: Sequence[str]) -> Any:
    lines = _lines(timed, "seconds", "predicted time of a step (s)", names)
    told = timed[timed["low"].notna() & (timed["low"] > 0)]  # an end at 0 is on no log scale
    if told.empty:
        return lines
    bands = alt.Chart(told).mark_area(opacity=0.13)
    x, colour = alt.X("ranks:Q"), alt.Color("strategy:N", legend=None)
    return alt.layer(bands.encode(x, alt.Y("low:Q"), alt.Y2("high"), colour), lines)


def _lines(data: pd.DataFrame, field: str, title: str, names: Sequence[str]) -> alt.Chart:
    """Draw a line a strategy; one that is not in this panel keeps its colour in the other."""
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(names))]
    dashes = [DASHES[i // len(COLOURS) % len(DASHES)] for i in range(len(names))]
    log = alt.Scale(type="log", nice=False)
    return (
        alt.Chart(data, width=400, height=320)
        .mark_line(point=True, strokeWidth=1.8)
        .encode(
            x=alt.X("ranks:Q", title="ranks", scale=alt.Scale(type="log", base=2)),
            y=alt.Y(f"{field}:Q", title=title, scale=log),
            color=alt.Color(
                "strategy:N",
                title=None,
                scale=alt.Scale(domain=[*names], range=colours),
                legend=alt.Legend(orient="bottom", columns=4, labelLimit=200),
            ),
            strokeDash=alt.StrokeDash(
                "strategy:N", scale=alt.Scale(domain=[*names], range=dashes), legend=None
            ),
            tooltip=["strategy:N", "ranks:Q", alt.Tooltip(f"{field}:Q", format=".4g")],
        )
    )
