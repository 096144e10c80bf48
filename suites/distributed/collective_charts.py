"""Bus bandwidth over the size of the buffer, with the link that was fitted to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt
import pandas as pd

from bench.charts import COLOURS, Chart
from suites.distributed.sizes import COLLECTIVES, calls, phase, sizes
from suites.distributed.theory import ring_bytes

BINARY = "datum.value >= 1048576 ? datum.value / 1048576 + ' MiB' : datum.value / 1024 + ' KiB'"
BEYOND = 1.6  # times what was measured: a band may be endless, an axis may not
CAPTION = (
    "Points are busbw as nccl-tests defines it: the buffer over the time, times 2(N-1)/N for "
    "all-reduce, (N-1)/N for all-gather, reduce-scatter and all-to-all, 1 for broadcast and reduce "
    "(without the factor it is algbw), so that it compares with the speed of the links. The curve "
    "is the bytes over α + bytes/β as fitted to all sizes; its band is where a measurement of "
    "a size may lie."
)


def collectives(rows: pd.DataFrame) -> Chart:
    """Draw every collective of a device, whose sizes are phases of a case or cases."""
    data = pd.DataFrame([point for row in rows.to_dict("records") for point in _points(row)])
    shown = (data["busbw"].min() / BEYOND, data["busbw"].max() * BEYOND)
    for end in ("fitted", "low", "high"):
        data[end] = data[end].clip(*shown)
    axis = alt.Axis(values=sorted(data["num_bytes"].unique())[::2], labelExpr=BINARY)
    x = alt.X("num_bytes:Q", title="buffer", scale=alt.Scale(type="log", base=2), axis=axis)
    scale = alt.Scale(type="log", domain=list(shown), nice=False)
    y = alt.Y("busbw:Q", title="busbw (GB/s)", scale=scale)
    colour = alt.Color(
        "ranks:N", title="ranks", scale=alt.Scale(range=list(COLOURS)), legend=alt.Legend()
    )
    base = alt.Chart(width=190, height=150).encode(x=x, color=colour)
    band = base.mark_area(opacity=0.18).encode(y=y.copy(), y2="high:Q").encode(y="low:Q")
    curve = base.mark_line(strokeWidth=1.5).encode(y="fitted:Q")
    points = base.mark_point(filled=True, size=34).encode(y=y, tooltip=_tooltip())
    drawing = alt.layer(band, curve, points, data=data).facet(
        facet=alt.Facet("line:N", title=None), columns=3
    )
    return Chart(f"Collectives on {rows['device'].iloc[0]}", CAPTION, drawing)


def _points(row: dict[Any, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for every size of a case: rates in GB/s, and those of the link."""
    smallest = row.get("from_bytes", float("nan"))
    several = bool(pd.notna(smallest))
    for size in sizes(int(row["num_bytes"]), int(smallest) if several else None):
        time_s = row[f"{phase(size)}_s"] / calls(size) if several else row["time_s"]
        bus = ring_bytes(COLLECTIVES[row["problem"]], size, int(row["ranks"]))
        link = {
            end: _rate(bus, row.get(f"fitted_{size}{part}_s"))
            for end, part in (("fitted", ""), ("low", "_high"), ("high", "_low"))
        }
        yield {
            "line": f"{row['variant']}, {row['dtype']}",
            "ranks": int(row["ranks"]),
            "num_bytes": size,
            "time_s": time_s,
            "busbw": _rate(bus, time_s),
            "algbw": _rate(size, time_s),
            **link,
        }


def _rate(num_bytes: float, time_s: Any) -> float | None:
    """Return GB/s; endless where it may take no time, None where no time is known."""
    if time_s is None or pd.isna(time_s):
        return None
    return num_bytes / time_s / 1e9 if time_s > 0 else float("inf")


def _tooltip() -> list[Any]:
    figures = {"busbw": "busbw (GB/s)", "algbw": "algbw (GB/s)", "time_s": "time (s)"}
    figures |= {"fitted": "fitted (GB/s)", "low": "at least", "high": "at most"}
    shown = [alt.Tooltip(f"{name}:Q", format=".4g", title=told) for name, told in figures.items()]
    return ["line:N", "ranks:N", "num_bytes:Q", *shown]
