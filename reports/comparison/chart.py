"""The ratios of one suite as a drawing: an interval a case, the margin as a band around 1."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import altair as alt
import pandas as pd

from bench.cases.chart import Chart
from bench.judging.comparing.comparison import Comparison
from bench.judging.comparing.row import Row
from reports.comparison.names import Names

MOST_CASES = 40  # of a suite in a drawing
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.4, 2, 3, 5, 10)
CLOSE_TICKS = (0.95, 0.96, 0.97, 0.98, 0.99, 1, 1.01, 1.02, 1.03, 1.04, 1.05)
COLOURS = {
    "slower": "#c8372d",
    "faster": "#2f8f4e",
    "unclear": "#8a93a0",
    "same": "#4269d0",
}
BAND = "#dfe7f5"


def charts(comparison: Comparison) -> list[Chart]:
    """Return a drawing for every suite that has ratios of times."""
    names = Names(row.match for row in comparison.rows)
    by_suite: dict[str, list[Row]] = {}
    for row in comparison.rows:
        if row.group == "time" and row.ratio is not None:
            by_suite.setdefault(row.match.case.suite, []).append(row)
    return [_chart(suite, rows, names, comparison) for suite, rows in by_suite.items()]


def _chart(suite: str, rows: Sequence[Row], names: Names, comparison: Comparison) -> Chart:
    kept = sorted(rows, key=_importance)[:MOST_CASES]
    caption = (
        "NEW / BASE, a logarithmic axis: left of 1 is faster. Bars are 95 % intervals; a hollow "
        f"point has none. The band is the margin of ±{100 * comparison.margin:g} %."
    )
    if len(rows) > len(kept):
        caption += f" The {len(kept)} of {len(rows)} cases that changed or moved most."
    frame = _frame(sorted(kept, key=lambda row: -_estimate(row)), names)
    return Chart(f"{suite}: time", caption, _drawing(frame, comparison.margin))


def _importance(row: Row) -> tuple[bool, float]:
    return row.verdict in ("same", "unclear"), -abs(math.log(_estimate(row)))


def _estimate(row: Row) -> float:
    assert row.ratio is not None
    return row.ratio.estimate


def _frame(rows: Sequence[Row], names: Names) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case": [names.within_suite(row.match) for row in rows],
            "verdict": [row.verdict for row in rows],
            "ratio": [_estimate(row) for row in rows],
            "low": [row.ratio.low if row.ratio else None for row in rows],
            "high": [row.ratio.high if row.ratio else None for row in rows],
        }
    ).astype({"low": float, "high": float})


def _drawing(frame: pd.DataFrame, margin: float) -> alt.LayerChart | alt.FacetChart:
    domain = _domain(frame, margin)
    scale = alt.Scale(type="log", domain=domain, nice=False, clamp=True)
    axis = alt.Axis(values=_ticks(domain), labelExpr="datum.label + '×'", format="~g", grid=True)
    y = alt.Y(
        "case:N", sort=list(frame["case"]), title=None, axis=alt.Axis(labelLimit=420, ticks=False)
    )
    colour = alt.Color(
        "verdict:N",
        title=None,
        scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
        legend=alt.Legend(orient="top"),
    )
    telling = [alt.Tooltip(f"{n}:{k}") for n, k in zip(frame.columns, "NNQQQ", strict=True)]
    edges = pd.DataFrame({"from": [1 / (1 + margin)], "to": [1 + margin], "one": [1.0]})
    band = alt.Chart(edges).mark_rect(color=BAND).encode(x=alt.X("from:Q", scale=scale), x2="to:Q")
    one = alt.Chart(edges).mark_rule(color="#3b4553").encode(x=alt.X("one:Q", scale=scale))
    x = alt.X("ratio:Q", scale=scale, axis=axis, title="NEW / BASE")
    bounded = frame["low"].notna()
    bars = (
        alt.Chart(frame[bounded])
        .mark_rule(strokeWidth=2.5)
        .encode(x=alt.X("low:Q", scale=scale), x2="high:Q", y=y, color=colour)
    )
    encoded = {"x": x, "y": y, "color": colour, "tooltip": telling}
    points = alt.Chart(frame[bounded]).mark_point(filled=True, size=55, opacity=1).encode(**encoded)
    hollow = alt.Chart(frame[~bounded]).mark_point(size=55, fill="white").encode(**encoded)
    layers = [band, one, *([bars, points] if bounded.any() else [])]
    layers += [] if bounded.all() else [hollow]
    return alt.layer(*layers).properties(width=560, height=alt.Step(19))


def _domain(frame: pd.DataFrame, margin: float) -> list[float]:
    """Return the ends of the axis: everything that is there, and always some way around 1."""
    seen = [*frame["ratio"], *frame["low"].dropna(), *frame["high"].dropna()]
    least, most = 1 / (1 + 2.5 * margin), 1 + 2.5 * margin
    return [max(min([*seen, least]) / 1.01, 0.1), min(max([*seen, most]) * 1.01, 10.0)]


def _ticks(domain: Collection[float]) -> list[float]:
    low, high = domain
    ticks = CLOSE_TICKS if low > 0.93 and high < 1.08 else TICKS
    return [tick for tick in ticks if low <= tick <= high]
