"""Figures of what timing and starting cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.cases.chart import COLOURS
from benchmarks.figures import style
from benchmarks.results import Row

WORDS = {
    "help": "bench --help",
    "first_sample": "bench run, one case, to its first sample",
    "server_start": "start of a server",
    "empty_attempt": "an attempt with nothing to do",
    "measuring_share": "measuring",
}


def timer_figure(rows: Sequence[Row]) -> Any:
    """Draw what a timer says beyond the true length of a spin, by that length: ns and per cent."""
    import altair as alt
    import pandas as pd

    table = pd.DataFrame(list(rows)).assign(
        bias_ns=lambda t: t["bias_s"] * 1e9, length=lambda t: t["asked_s"].map(_length)
    )
    names = sorted(set(table["timer"]), key=lambda name: name != "Touchstone")
    colour = alt.Color("timer:N", scale=alt.Scale(domain=names, range=list(COLOURS)))
    x = alt.X("length:N", title="length of one call", sort=None, axis=alt.Axis(labelAngle=0))
    nanoseconds = alt.Y("bias_ns:Q", title="ns a call beyond its true length")
    share = alt.Y("bias:Q", title="beyond its true length", scale=alt.Scale(type="log"))
    panels = []
    for y in (nanoseconds, share.axis(alt.Axis(format="~%", tickCount=5))):
        marks = alt.Chart(table).encode(x, y, color=colour, xOffset=alt.XOffset("timer:N"))
        points = marks.mark_point(filled=True, opacity=0.75, size=45)
        panels.append(points.properties(width=330, height=260))
    return style(alt.hconcat(*panels))


def share_figure(rows: Sequence[Row]) -> Any:
    """Draw seconds that starting takes, and the share of time spent measuring, with targets."""
    import altair as alt
    import pandas as pd

    table = pd.DataFrame([{**row, "what": _what(row)} for row in rows])
    panels = [
        _bars(own, title, axis_format)
        for unit, title, axis_format in (
            ("s", "seconds (tick: the most it may take)", "~s"),
            ("1", "share of the timed rounds spent measuring (tick: the least)", ".0%"),
        )
        if len(own := table[table["unit"] == unit])
    ]
    return style(alt.vconcat(*panels))


def _bars(own: Any, title: str, axis_format: str) -> Any:
    import altair as alt

    scale = alt.Scale(domain=[0, 1]) if axis_format == ".0%" else alt.Scale(type="sqrt")
    y = alt.Y("what:N", title=None, sort=None, axis=alt.Axis(labelLimit=420))
    x = alt.X("value:Q", title=title, scale=scale, axis=alt.Axis(format=axis_format))
    bars = alt.Chart(own).mark_bar(color=COLOURS[0], size=16).encode(y, x)
    asked = alt.Chart(own[own["asked"].notna()])
    ticks = asked.mark_tick(color="black", thickness=3, size=24, opacity=1)
    return (bars + ticks.encode(y, x="asked:Q")).properties(width=420, height=alt.Step(30))


def _what(row: Row) -> str:
    """Say what was measured with its value, which a tick could hide beside the bar."""
    value = f"{row['value']:.1%}" if row["unit"] == "1" else f"{row['value']:.3g} s"
    return f"{WORDS[row['quantity']]} {row['suite']}".strip() + f"  {value}"


def _length(seconds: float) -> str:
    return f"{seconds * 1e6:g} µs" if seconds < 1e-3 else f"{seconds * 1e3:g} ms"
