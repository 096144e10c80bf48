"""Read the profiles of a run: of each case that has one, rank by rank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import pandas as pd

from bench.cases.case import Attempt, Case
from bench.errors import UserError
from bench.profiling import folder, trace
from bench.profiling.bound import ceilings_of, with_bounds
from bench.profiling.calls import Call, calls
from bench.profiling.facts import Facts
from bench.profiling.operators import kernels, operators
from bench.profiling.overlap import Overlap, overlap
from bench.profiling.steps import Steps
from bench.store import Run, decode, read_regular


@dataclass(frozen=True)
class RankProfile:
    """What one rank's trace comes to; see `operators` and `kernels` for the tables.

    `calls` are those of a step, one by one.
    """

    facts: Facts
    step_s: float
    operators: pd.DataFrame
    kernels: pd.DataFrame
    overlap: Overlap
    calls: list[Call]


@dataclass(frozen=True)
class Profile:
    """The profile of a case: its folder and its ranks; or why there is none."""

    case: Case
    folder: Path
    ranks: list[RankProfile]
    failed: str = ""


def profiles(run: Run) -> list[Profile]:
    """Return the profile of every case for which one was tried."""
    tried = {a.case: a for a in run.attempts if a.role == "profile"}
    return [_tried(run, case, tried[case.id]) for case in run.manifest.cases if case.id in tried]


def profile_of(run: Run, case: Case) -> Profile | None:
    """Return the profile of one case; None where none was tried."""
    tried = [a for a in run.attempts if a.role == "profile" and a.case == case.id]
    return _tried(run, case, tried[-1]) if tried else None


def _tried(run: Run, case: Case, attempt: Attempt) -> Profile:
    failed = "" if attempt.outcome == "ok" else f"{attempt.outcome}: {attempt.detail}"
    return _profile(run, case, failed)


def _profile(run: Run, case: Case, failed: str) -> Profile:
    place = folder.folder_of(run.folder, case)
    if failed:
        return Profile(case, place, [], failed)
    ceilings = [c for session in run.manifest.sessions for c in session.ceilings]
    best = ceilings_of(ceilings, case)
    try:
        ranks = [_rank(place, rank) for rank in range(case.ranks)]
    except UserError as error:
        return Profile(case, place, [], str(error))
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # a folder from elsewhere
        return Profile(case, place, [], f"its trace is no trace of ours: {error!r:.200}")
    bounded = [replace(own, operators=with_bounds(own.operators, best)) for own in ranks]
    return Profile(case, place, bounded)


def _rank(place: Path, rank: int) -> RankProfile:
    path = folder.trace_path(place, rank)
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    return _parsed(place, rank, changed)


@lru_cache(maxsize=256)
def _parsed(place: Path, rank: int, changed: int) -> RankProfile:
    """Read one rank; several outputs of a run ask for the same."""
    facts_path = folder.facts_path(place, rank)
    facts = decode(read_regular(facts_path) or b"", Facts, str(facts_path))
    steps = Steps.of(trace.read(folder.trace_path(place, rank)), facts)
    if not steps.windows:
        raise UserError(f"{place}: expected a trace with steps, there is none")
    tables = operators(steps), kernels(steps)
    return RankProfile(facts, steps.seconds, *tables, overlap(steps), calls(steps))
