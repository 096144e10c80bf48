"""A page for every case that was profiled, and one that lists them; each is one file, offline."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.cases.chart import Chart, drawn, undrawn
from bench.judging.record import Record
from bench.judging.words import seconds
from bench.profiling import folder, trace
from bench.profiling.flame import MOST_FRAMES, Frame, boxes
from bench.profiling.read import Profile, RankProfile, profiles
from bench.store import Run, read_regular, write_whole
from reports.profiles import words
from reports.profiles.table import title
from reports.template import render_template, vega_bundle
from reports.words import shape

PAGE = "index.html"

OPENED_BY = {
    folder.trace_path: "trace: ui.perfetto.dev or chrome://tracing",
    folder.flame_path: "stacks: speedscope.app",
    folder.snapshot_path: "CUDA's allocator: pytorch.org/memory_viz",
    folder.facts_path: "what else was measured, as JSON",
}


@dataclass(frozen=True)
class File:
    """A file to open elsewhere."""

    name: str
    size: str
    opened_by: str


@dataclass(frozen=True)
class Entry:
    """A case on the page that lists them."""

    variant: str
    title: str
    link: str
    said: str


def write(run: Run, records: list[Record], path: Path) -> None:
    """Write a page for each profile, and `path`, which lists them; nothing where there is none."""
    found = profiles(run)
    if not found:
        return
    for profile in found:
        if profile.ranks:
            text = render(run, profile)
            write_whole(profile.folder / PAGE, text.encode())
    path.parent.mkdir(exist_ok=True)
    page = render_template(
        "profiles.html",
        run=run,
        entries=entries(found),
        specs=[],
        table_scripts="",
        vega="",
    )
    write_whole(path, page.encode())


def entries(found: Iterable[Profile]) -> list[Entry]:
    """Return a line for each profile."""
    return [
        Entry(
            _name(profile),
            title(profile.case),
            f"{profile.folder.name}/{PAGE}" if profile.ranks else "",
            words.sentences(profile.ranks[0])[0] if profile.ranks else profile.failed,
        )
        for profile in found
    ]


def _name(profile: Profile) -> str:
    chosen = ",".join(f"{k}={v}" for k, v in profile.case.options.items() if v is not None)
    return profile.case.variant + (f"[{chosen}]" if chosen else "")


def render(run: Run, profile: Profile) -> str:
    """Return the page of one case. Every text is escaped, in HTML and inside scripts."""
    drawings = _charts(profile)
    first = profile.ranks[0]
    return render_template(
        "profile.html",
        run=run,
        name_of_case=_name(profile),
        case=profile.case,
        shape=shape(profile.case),
        said=words.sentences(first),
        charts=drawings,
        specs=[c.drawing for c in drawings if c.drawing],
        lines=words.lines(first.operators),
        num_lines=len(first.operators),
        kernels=words.kernel_lines(first.kernels),
        ranks=[_of_rank(own) for own in profile.ranks] if len(profile.ranks) > 1 else [],
        bounds=[words.bounds_of_trace(own) for own in profile.ranks],
        most_events=trace.MOST_EVENTS,
        most_frames=MOST_FRAMES,
        without={k: v for own in profile.ranks for k, v in own.facts.without.items()},
        files=_files(profile),
        table_scripts="",
        vega=vega_bundle(),
    )


def _charts(profile: Profile) -> list[Chart]:
    """Return the drawings; where they cannot be made, that is all it costs."""
    try:
        from reports.profiles import charts  # not even imported under `python -OO`
    except Exception as error:
        return [undrawn("Where the time goes", error)]
    first = profile.ranks[0]
    found = [
        *drawn(
            "Where the time goes",
            lambda: charts.where_time_goes(first.operators, first.facts.phases),
        ),
        *drawn("Operators", lambda: charts.what_bounds(first.operators)),
        *drawn("Ranks", lambda: charts.ranks([own.overlap for own in profile.ranks])),
        *drawn("Memory", lambda: charts.memory(first.facts.memory)),
        *drawn("Stacks", lambda: charts.flame(_boxes(profile.folder))),
    ]
    return [
        Chart(c.title, c.caption, c.drawing.to_dict() if c.drawing is not None else None)
        for c in found
    ]


def _boxes(place: Path) -> list[Frame]:
    """Return the boxes of rank 0's stacks; none where they were too many to be kept."""
    data = read_regular(folder.flame_path(place, 0))
    return boxes(json.loads(data)) if data is not None else []


def _of_rank(own: RankProfile) -> tuple[str, ...]:
    """Return one line of the table of ranks."""
    split = own.overlap
    parts = (split.step_s, split.compute_s, split.exposed_s, split.hidden_s, split.idle_s)
    return (str(split.rank), *(seconds(part) if part else "0" for part in parts))


def _files(profile: Profile) -> list[File]:
    """List what there is to open, rank by rank."""
    found = []
    for own in profile.ranks:
        for path_of, opened_by in OPENED_BY.items():
            path = path_of(profile.folder, own.facts.rank)
            if path.is_file():
                found.append(File(path.name, words.file_size(path.stat().st_size), opened_by))
    return found
