"""`operators.csv`, `kernels.csv` and `ranks.csv` of the profiles: seconds a step, a row each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from bench.cases.case import Case
from bench.judging.record import Record
from bench.judging.words import name_of
from bench.profiling.read import Profile, profiles
from bench.store import Run
from bench.system.csv import write_frame
from reports.words import shape


def write(run: Run, records: list[Record], path: Path) -> None:
    """Write the tables, `path` is that of operators; nothing where nothing was profiled."""
    found = profiles(run)
    if not any(profile.ranks for profile in found):
        return
    write_frame(path, operators_table(found))
    write_frame(path.with_name("ranks.csv"), ranks_table(found))
    kernels = _table(found, "kernels")
    if len(kernels):
        write_frame(path.with_name("kernels.csv"), kernels)


def operators_table(found: Iterable[Profile]) -> pd.DataFrame:
    """Return the operators of every case and rank; `seconds` are what a step spends in each.

    Those are of the GPU where it did the work, else of the thread itself.
    """
    frame = _table(found, "operators")
    if frame.empty:
        return frame
    on_device = frame.groupby("case")["device_s"].transform("sum") > 0
    return frame.assign(seconds=frame["self_s"].where(~on_device, frame["device_s"]))


def ranks_table(found: Iterable[Profile]) -> pd.DataFrame:
    """Return a row a case and rank: its step with and without the profiler, and its parts."""
    found, rows = list(found), list[dict[str, Any]]()
    for profile in found:
        for own in profile.ranks:
            rows.append(
                {
                    **_of_case(profile.case, found),
                    **asdict(own.overlap),
                    "idle_s": own.overlap.idle_s,
                    "plain_s": median(own.facts.plain_s),
                    "profiled_s": median(own.facts.profiled_s),
                    "profiler_cost": own.facts.cost,
                    "steps": own.facts.steps,
                }
            )
    return pd.DataFrame(rows)


def _table(found: Iterable[Profile], which: str) -> pd.DataFrame:
    found, parts = list(found), []
    for profile in found:
        for own in profile.ranks:
            frame: pd.DataFrame = getattr(own, which)
            place = {**_of_case(profile.case, found), "rank": own.facts.rank}
            parts.append(frame.assign(**place)[[*place, *frame.columns]])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _of_case(case: Case, found: Iterable[Profile]) -> dict[str, Any]:
    """Return what tells a case; its `name` tells it from the others of its question."""
    rivals = [p.case for p in found if p.case.question == case.question]
    return {
        "case": case.id,
        "suite": case.suite,
        "variant": case.variant,
        "name": name_of(case, rivals),
        "options": ",".join(f"{k}={v}" for k, v in case.options.items() if v is not None),
        "problem": case.problem,
        "title": title(case),
        "question": case.question,
        "case_dtype": case.dtype,
        "pass": case.pass_,
        "ranks": case.ranks,
    }


def title(case: Case) -> str:
    """Return what is asked in as few words as tell it."""
    ranks = [f"{case.ranks} ranks"] if case.ranks > 1 else []
    words = (f"{case.problem} {shape(case)}".strip(), case.dtype, case.pass_, case.device, *ranks)
    return " · ".join(words)
