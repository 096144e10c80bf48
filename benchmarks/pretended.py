"""Recordings of unchanged code as two pretended sides, by a schedule of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.running.progress import TerminalProgress
from bench.running.proving.selftest.plan import Plan, manifest_of
from bench.running.proving.selftest.pretend import PretendSides
from bench.running.session import measure
from bench.running.stopping import EFFORTS
from bench.sides.selection import select
from bench.sides.side import Side
from bench.store import Run, create
from bench.system.terminal import Screen


def record(
    selectors: Sequence[str], keyword: str, rounds: int, schedule: type[PretendSides]
) -> Run:
    """Record timed cases of the smoke preset on a CPU, in one session."""
    chosen = select(Side(), list(selectors), keyword, [], "smoke", "cpu", {})
    cases = [replace(c, rounds=None, quality_seeds=0) for c in chosen.cases if c.timed]
    planned = Plan(1, rounds, 0.0, EFFORTS["smoke"].share_s)
    found = create(Path("runs"), manifest_of(planned, cases, "cpu", 7, 120.0))
    with TerminalProgress(Screen()) as progress:
        measure(found, Side(), progress, schedule=partial(schedule, blocks_left=0))
    return found


def rounds_of(run: Run) -> int:
    """Count the rounds that were timed."""
    return 1 + max(attempt.round for attempt in run.attempts if attempt.role == "time")
