"""Measure both sides of a comparison in one session, and record how it ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from bench.machine.probes.sampler import Sampler
from bench.running.attempts import Attempts
from bench.running.pairing.folder import Comparison
from bench.running.pairing.judged import find_suspects, find_unexcluded
from bench.running.pairing.pairs import Pair
from bench.running.pairing.turns import PairedSchedule
from bench.running.session import begin, fresh_cache, learn_from, now, provision
from bench.running.work import Progress
from bench.sides.side import Side
from bench.store import Manifest, Run
from bench.store.paired import STAGES
from bench.system import process


def measure_both(
    found: Comparison, sides: tuple[Side, Side], pairs: list[Pair], progress: Progress
) -> None:
    """Do all attempts of both sides; what is done is kept, however it ends."""
    _begin_both(found, sides, progress)
    found.update(ended_by="")
    process.adopt_orphans()
    ended_by = "interrupted"
    try:
        with fresh_cache() as cache:
            # one each: a compilation that the other side has done already would cost nothing
            own = [replace(side, cache=cache / side.name) for side in sides]
            for side in own:
                (cache / side.name).mkdir()
            for run, side in zip(found.runs, own, strict=True):
                provision(run, side, progress)
            cases = [case for run in found.runs for case in run.manifest.cases]
            with Sampler(cases, cache) as sampler:
                ended_by = _execute(found, (own[0], own[1]), pairs, progress, sampler)
    finally:
        found.update(ended_by=ended_by)
        for run in found.runs:
            run.end_session(now(), ended_by)
            learn_from(run)


def _begin_both(found: Comparison, sides: tuple[Side, Side], progress: Progress) -> None:
    """Open a session of both runs, or of neither: they are counted alike on both sides."""
    with ExitStack() as undo:
        for run, side in zip(found.runs, sides, strict=True):
            undo.callback(_put_back, run, run.manifest)
            begin(run, side, progress)
        undo.pop_all()


def _put_back(run: Run, manifest: Manifest) -> None:
    if run.manifest is not manifest:
        run.manifest = manifest
        run.save()


def _execute(
    found: Comparison,
    sides: tuple[Side, Side],
    pairs: list[Pair],
    progress: Progress,
    sampler: Sampler,
) -> str:
    attempts = [Attempts(run, side, sampler) for run, side in zip(found.runs, sides, strict=True)]
    schedule = PairedSchedule(
        (attempts[0], attempts[1]),
        pairs,
        partial(_suspects, found),
        found.pairing.confirm_pairs,
        progress,
        partial(_unexcluded, found),
        found.pairing.looks,
        found.pairing.look_pairs,
    )
    for own in attempts:
        for log in (own.run.folder / "logs").iterdir():
            own.keep_log(log)  # what an earlier session was killed over
    try:
        return schedule.execute()
    finally:
        found.reach(schedule.stage)
        timing_s = max(0.0, min(time.monotonic(), schedule.timing_ended) - schedule.timing_began)
        for own in attempts:
            own.run.update_session(timing_wall_s=timing_s / 2)  # they took turns
            own.keep_cost()


def _unexcluded(found: Comparison, pairs: Sequence[Pair]) -> list[Pair]:
    """Choose what goes on to the next look."""
    found.reach("exclude")
    pairing = found.pairing
    assert pairing.at_most is not None, "looks are fixed where there is a limit"
    return find_unexcluded(found.runs, pairs, pairing.margin, pairing.at_most, pairing.limits)


def _suspects(found: Comparison, pairs: Sequence[Pair], stage: str) -> list[Pair]:
    """Choose what to measure again, and write it down before that; once, of all sessions.

    What was measured since must not choose anew.
    """
    name = "looked_at" if stage == "look" else "suspects"
    if STAGES.index(found.pairing.stage) >= STAGES.index(stage):
        chosen = {tuple(ids) for ids in getattr(found.pairing, name)}
        return [pair for pair in pairs if pair.a and pair.b and (pair.a.id, pair.b.id) in chosen]
    suspects = find_suspects(found.runs, pairs)
    found.update(**{name: [(p.a.id, p.b.id) for p in suspects if p.a and p.b]}, stage=stage)
    return suspects
