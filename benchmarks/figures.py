"""Figures of the proofs, drawn with Altair; ours is the heavy line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.cases.chart import COLOURS
from benchmarks import ours
from benchmarks.peers import AS_USED, SAME_SAMPLES
from benchmarks.results import Row
from benchmarks.trials import FOUND, RUN_ALARMS

# Left out of the figure, in the CSV: a peer's second threshold behaves like its first.
LEFT_OUT = ("github-action-benchmark 200 %", "pytest-benchmark mean:5%")
SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "cross",
    "diamond",
    "triangle-right",
    "triangle-down",
    "triangle-left",
)
TITLES = {
    AS_USED: "The peers as they are used: one side, then the other",
    SAME_SAMPLES: "The peers on the same samples as ours: interleaved fresh processes",
}


def verdict_figure(rows: Sequence[Row]) -> Any:
    """Draw false alarms by process spread, power by change, and alarms in other kinds of noise."""
    import altair as alt

    blocks = [
        alt.hconcat(
            _alarms_by_spread(table), _found_by_change(table), _alarms_by_kind(table)
        ).properties(title=_block_title(title))
        for table, title in _blocks(rows)
    ]
    title = "Simulated: how often 40 unchanged cases raise an alarm, and what changes are found"
    return _shared(blocks, title)


def real_figure(rows: Sequence[Row]) -> Any:
    """Draw the rate of runs with a false alarm, with its interval, and power by change."""
    import altair as alt

    blocks = [
        alt.hconcat(
            _alarm_rates(table),
            _lines(_found(table), "change", "injected slowdown", "runs that find it"),
        ).properties(title=_block_title(title))
        for table, title in _blocks(rows)
    ]
    return _shared(blocks, "Rounds of one machine, relabelled: false alarms, and slowdowns found")


def _blocks(rows: Sequence[Row]) -> Iterator[tuple[Any, str]]:
    """Yield the peers on each kind of samples, with ours, and what that is called."""
    import pandas as pd

    table = pd.DataFrame([row for row in rows if row["rule"] not in LEFT_OUT])
    for samples, title in TITLES.items():
        yield table[(table["samples"] == samples) | (table["rule"] == ours.NAME)], title


def _block_title(text: str) -> Any:
    import altair as alt

    return alt.TitleParams(text, anchor="start", fontSize=13, fontWeight="normal", offset=6)


def _shared(blocks: Sequence[Any], title: str) -> Any:
    """Stack blocks under one title, with one legend."""
    import altair as alt

    stacked = alt.vconcat(*blocks, spacing=24).resolve_scale(color="shared", shape="shared")
    return style(stacked.properties(title=alt.TitleParams(title, fontSize=17, offset=14)))


def _alarm_rates(table: Any) -> Any:
    import altair as alt

    domain = _rules(table)
    y = alt.Y("rule:N", sort=domain, title=None, axis=alt.Axis(labelLimit=220))
    scale = alt.Scale(domain=[0, 1])
    title = "runs of unchanged code with a false alarm"
    x = alt.X("rate:Q", title=title, axis=alt.Axis(format=".0%"), scale=scale)
    marks = alt.Chart(table[table["quantity"] == RUN_ALARMS]).encode(y, color=_colour(domain))
    spans = marks.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    points = marks.mark_point(filled=True, size=80, opacity=1).encode(x)
    return (spans + points).properties(width=330, height=230)


def _found(table: Any) -> Any:
    return table[table["quantity"] == FOUND]


def style(chart: Any) -> Any:
    """Give every figure the same plain look."""
    return (
        chart.configure_view(stroke=None)
        .configure_axis(labelFontSize=11, titleFontSize=12, gridColor="#eeeeee")
        .configure_legend(
            labelFontSize=12, title=None, symbolSize=120, labelLimit=260, orient="bottom", columns=4
        )
        .configure_concat(spacing=34)
        .properties(padding=14, background="white")
    )


def _alarms_by_spread(table: Any) -> Any:
    kept = table[(table["quantity"] == RUN_ALARMS) & (table["kind"] == "normal")]
    return _lines(kept, "spread", "process-to-process spread", "runs with a false alarm")


def _found_by_change(table: Any) -> Any:
    at_one = (table["kind"] == "normal") & (table["spread"] == 0.01)
    kept = table[(table["quantity"] == FOUND) & at_one]
    return _lines(kept, "change", "true change of one case, at 1 % spread", "runs that find it")


def _lines(table: Any, axis: str, across: str, up: str) -> Any:
    import altair as alt

    domain = _rules(table)
    x = alt.X(f"{axis}:O", title=across, axis=alt.Axis(format=".3~%", labelAngle=0))
    y = alt.Y("rate:Q", title=up, axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1]))
    own = alt.datum.rule == ours.NAME
    width = alt.condition(own, alt.value(4), alt.value(1.6))
    marks = alt.Chart(table).encode(x, y, color=_colour(domain))
    lines = marks.mark_line().encode(strokeWidth=width)
    points = marks.mark_point(filled=True, opacity=1).encode(
        shape=alt.Shape("rule:N", scale=alt.Scale(domain=domain, range=list(SHAPES))),
        size=alt.condition(own, alt.value(90), alt.value(50)),
    )
    return (lines + points).properties(width=270, height=230)


def _alarms_by_kind(table: Any) -> Any:
    import altair as alt

    domain = _rules(table)
    kept = table[(table["quantity"] == RUN_ALARMS) & (table["kind"] != "normal")]
    y = alt.Y("rule:N", sort=domain, title=None, axis=alt.Axis(labelLimit=220))
    x = alt.X("setting:N", title="runs with a false alarm, other noise", sort=None)
    cells = alt.Chart(kept).encode(x.axis(alt.Axis(labelAngle=-25)), y)
    # the channel `fill`, so that its scale is not the legend's
    shade = alt.Fill("rate:Q", scale=alt.Scale(scheme="oranges", domain=[0, 1]), legend=None)
    dark = alt.datum.rate > 0.6
    text = cells.mark_text(fontSize=11).encode(
        text=alt.Text("rate:Q", format=".1~%"),
        color=alt.condition(dark, alt.value("white"), alt.value("black")),
    )
    return (cells.mark_rect().encode(shade) + text).properties(width=260, height=200)


def _rules(table: Any) -> list[str]:
    """Return all rules of a table, ours first."""
    return sorted(dict.fromkeys(table["rule"]), key=lambda name: name != ours.NAME)


def _colour(domain: list[str]) -> Any:
    import altair as alt

    scale = alt.Scale(domain=domain, range=list(COLOURS[: len(domain)]))
    return alt.Color("rule:N", scale=scale)
