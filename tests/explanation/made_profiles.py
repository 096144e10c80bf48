"""Profiles beside made-up runs: traces whose every time is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.cases.case import Attempt
from bench.profiling import folder, trace
from bench.store import Run, read
from tests.made_runs import Made
from tests.profiling.made_traces import Plain, facts


def with_profile(
    run: Run, made: Made, plain: Sequence[Plain], ranks: int = 1, **changes: object
) -> Run:
    """Add a profile of one case to a run and read it anew; `changes` are of its facts."""
    place = folder.folder_of(run.folder, made.case)
    place.mkdir(parents=True)
    for rank in range(ranks):
        trace.write(folder.trace_path(place, rank), plain, rank)
        told = replace(facts(**changes), rank=rank, ranks=ranks)
        folder.facts_path(place, rank).write_bytes(msgspec.json.encode(told))
    with run.records_path.open("ab") as stream:
        stream.write(msgspec.json.encode(Attempt(made.case.id, "profile", 0, 0, "ok")) + b"\n")
    return read(run.folder)


def traces_of(run: Run) -> list[Path]:
    return sorted((run.folder / folder.FOLDER).rglob("*.trace.json.gz"))
