"""A comparison too large to be typical: what reading, folding and judging must bear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.cases.case import Attempt, Case, Measurement
from bench.store import Run
from benchmarks.folders import copied, published

CASES, ROUNDS, SAMPLES = 1000, 10, 100  # of two clocks: two million samples a side
SPREAD, CHANGE, CHANGED = 0.02, 1.10, 0.05  # of round values; of one case in twenty


def sides(place: Path, cases: int = CASES) -> tuple[Path, Path]:
    """Write two runs of so many cases, recorded apart, and return their folders."""
    run = published()
    timed = {attempt.case for attempt in run.attempts if attempt.role == "time"}
    seed = next(case for case in run.manifest.cases if case.id in timed)
    many = [replace(seed, variant=f"{seed.variant}_{number:04}") for number in range(cases)]
    for number, name in enumerate(("base", "new")):
        rng = np.random.default_rng(number)
        attempts = [one for case in many for one in _attempts(run, seed, case, rng, number)]
        whole = Run(run.folder, replace(run.manifest, cases=many), attempts)
        copied(whole, place / name)
    return place / "base", place / "new"


def _attempts(
    run: Run, seed: Case, case: Case, rng: np.random.Generator, side: int
) -> Iterator[Attempt]:
    """Yield what a case left: its other roles as they were, its times drawn anew."""
    own = [attempt for attempt in run.attempts if attempt.case == seed.id]
    for attempt in own:
        if attempt.role != "time":
            yield replace(attempt, case=case.id, session=0)
    like = next(attempt for attempt in own if attempt.role == "time")
    changed = CHANGE if side and rng.random() < CHANGED else 1.0
    for number in range(ROUNDS):
        value_s = changed * 1e-3 * rng.lognormal(0, SPREAD)
        times = (value_s * rng.lognormal(0, 0.01, SAMPLES)).tolist()
        measured = [Measurement("time", "s", times), Measurement("thread_time", "s", times)]
        yield replace(like, case=case.id, session=0, round=number, measurements=measured)
