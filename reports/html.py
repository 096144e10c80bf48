"""`report.html`: one file that needs no network, the answers first, a section a suite."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path

import pandas as pd

from bench.cases.chart import Chart, undrawn
from bench.judging.record import Record
from bench.profiling.read import Profile, profiles
from bench.store import Run
from bench.system.files import write_whole
from reports import page
from reports.answers import Opening, by_speaker, opening
from reports.cases import datatable, datatable_scripts
from reports.fastest import Family, families
from reports.findings import Judged, judge
from reports.profiles.page import Entry, entries
from reports.profiles.table import operators_table, ranks_table
from reports.shown import constants
from reports.table import own_columns, table
from reports.template import render_template, vega_bundle
from reports.trajectories import trajectories

BY_CLASS = "Seconds of profiled steps by class of operator; a profiler costs time, see each page."
SHOWN_FAMILIES = 3  # of a suite's tables of answers; the others are folded


@dataclass(frozen=True)
class Section:
    """Everything the page says of one suite."""

    suite: str
    opening: Opening
    measured: str
    families: list[Family]
    charts: list[Chart]
    claims: list[Judged]
    failures: list[page.Failure]
    num_cases: int
    profiles: list[Entry]
    constants: list[str]
    table: str


def write(run: Run, records: list[Record], path: Path) -> None:
    """Render the report of a run."""
    write_whole(path, render(run, records).encode())


def render(run: Run, records: list[Record]) -> str:
    """Return the page. Every text from the run is escaped, in HTML and inside scripts."""
    sections = suite_sections(run, records)
    return render_template(
        "report.html",
        run=run,
        sections=sections,
        shown_families=SHOWN_FAMILIES,
        specs=[c.drawing for section in sections for c in section.charts if c.drawing],
        facts=page.facts(run, records),
        table_scripts=datatable_scripts(),
        vega=vega_bundle(),
        environment=run.last_session.environment,
    )


def suite_sections(run: Run, records: list[Record]) -> list[Section]:
    """Gather a section for every suite that has cases, in order of appearance."""
    frame, samples = table(run, records), trajectories(records)
    judged, profiled = judge(records), profiles(run)
    sections = []
    for suite, own in page.by_suite(records).items():
        claims = [found for found in judged if found.suite == suite]
        rows = own_columns(frame, own)
        sections.append(
            Section(
                suite=suite,
                opening=opening(own),
                measured=page.told(own, claims),
                families=families(own),
                charts=_drawn(own, frame, samples, profiled),
                profiles=entries([p for p in profiled if p.case.suite == suite]),
                claims=claims,
                failures=page.failures(own),
                num_cases=len(own),
                constants=constants(own),
                table=datatable(rows, own),
            )
        )
    return sections


def _drawn(
    records: list[Record], frame: pd.DataFrame, samples: pd.DataFrame, profiled: list[Profile]
) -> list[Chart]:
    """Let whoever speaks of these records draw them, and what was profiled of them."""
    found: list[Chart] = []
    for suite, own in by_speaker(records).items():
        ids = {record.case.id for record in own}
        found += charts(suite, own_columns(frame, own), samples[samples["case"].isin(ids)])
        found += of_profiles(suite, [p for p in profiled if p.case.id in ids])
    return found


def charts(suite: str, rows: pd.DataFrame, samples: pd.DataFrame) -> list[Chart]:
    """Return the charts of a suite, none where it does not know how to draw.

    Where nothing was timed and nothing learnt, as in a run that only profiles, no axis has a value.
    """
    found: list[Chart] = []
    timed = "time_s" in rows and rows["time_s"].notna().any()
    if not timed and samples.empty:
        return found
    for point in entry_points(group="touchstone.charts", name=suite):
        try:
            found += point.load().charts(rows, samples)
        except Exception as error:
            found.append(undrawn(f"Charts of {suite}", error))
    return [_written(chart) for chart in found]


def of_profiles(suite: str, found: list[Profile]) -> list[Chart]:
    """Return what a suite draws of its profiles; of one that says nothing, classes of operators."""
    if not any(profile.ranks for profile in found):
        return []
    operators, ranks = operators_table(found), ranks_table(found)
    try:
        drawers = [point.load() for point in entry_points(group="touchstone.charts", name=suite)]
        draw = next((d.profile_charts for d in drawers if hasattr(d, "profile_charts")), by_class)
        return [_written(chart) for chart in draw(operators, ranks)]
    except Exception as error:
        return [undrawn(f"Profiles of {suite}", error)]


def by_class(operators: pd.DataFrame, ranks: pd.DataFrame) -> list[Chart]:
    """Draw where the steps of each question spend their time, a bar a variant."""
    from bench.profiling.drawn import bars  # not even imported under `python -OO`

    found = []
    for _, rows in operators.groupby("question", sort=False):
        drawing = bars(rows, "name", "class")
        title = f"Where a step's time goes: {rows['title'].iloc[0]}"
        found.append(Chart(title, BY_CLASS, drawing))
    return found


def _written(chart: Chart) -> Chart:
    """Return the chart with its drawing as plain data, which the drawing's own rules may refuse."""
    if chart.drawing is None:
        return chart
    try:
        return replace(chart, drawing=chart.drawing.to_dict())
    except Exception as error:
        return undrawn(chart.title, error)
