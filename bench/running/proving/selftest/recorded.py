"""What a selftest's run folder holds: sessions of rounds of pairs, and samples in processes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from bench.cases.case import Attempt, Case
from bench.cases.kind import kind_of
from bench.judging.noise_file import CaseRounds, NoiseSession
from bench.running.proving.selftest.pretend import SIDES
from bench.store import Run
from bench.store.known_noise import CLOCKS
from bench.store.spread import Round

Sampled = dict[tuple[int, str], list[float]]  # (round, side) -> samples, s
Times = dict[tuple[str, int, str], Sampled]  # (case, session, clock)


def sessions_of(run: Run) -> list[NoiseSession]:
    """Return the sessions of a selftest; of cases that failed nothing is kept."""
    times = _times(run)
    failed = {a.case for a in run.attempts if a.outcome != "ok" and a.role != "quality"}
    sound = [case for case in run.manifest.cases if case.id not in failed]
    return [
        NoiseSession(
            datetime.fromisoformat(session.started),
            run.id,
            str(session.environment.get("torch", "")),
            [rounds for case in sound if (rounds := _case(times, case, number)).rounds],
        )
        for number, session in enumerate(run.manifest.sessions)
    ]


def within(run: Run, clock: str) -> dict[str, list[float]]:
    """Return by case how far the samples of each process spread: robust sd of their logs.

    1.4826 times the median distance from the median, which is the standard deviation of normal
    values; a rare spike does not move it, nor the median that a process is reduced to.
    """
    found: dict[str, list[float]] = {}
    for (case, _, quantity), sampled in _times(run).items():
        if quantity == clock:
            logs = [[math.log(s) for s in samples] for samples in sampled.values()]
            found.setdefault(case, []).extend(_robust_sd(log) for log in logs if len(log) > 2)
    return found


def disturbed_share(run: Run) -> float:
    """Return the share of timed attempts that waited for a core or were short of one."""
    timed = [attempt for attempt in run.attempts if attempt.role == "time"]
    return sum(bool(attempt.flags) for attempt in timed) / len(timed) if timed else 0.0


def _robust_sd(logs: list[float]) -> float:
    centre = median(logs)
    return 1.4826 * median(abs(log - centre) for log in logs)


def _times(run: Run) -> Times:
    found: Times = {}
    for attempt in run.attempts:
        if attempt.role == "time" and attempt.outcome == "ok":
            for clock, samples in _clocks(attempt):
                of_case = found.setdefault((attempt.case, attempt.session, clock), {})
                of_case[attempt.round, attempt.side] = samples
    return found


def _clocks(attempt: Attempt) -> Iterator[tuple[str, list[float]]]:
    """Yield the samples of each clock; not a rank's own, nor what was too short for a clock."""
    for measurement in attempt.measurements:
        of_the_job = measurement.quantity in CLOCKS and measurement.rank is None
        if of_the_job and min(measurement.samples) > 0:
            yield measurement.quantity, measurement.samples


def _case(times: Times, case: Case, session: int) -> CaseRounds:
    rounds: dict[str, list[Round]] = {}
    for clock in CLOCKS:
        if pairs := _pairs(times.get((case.id, session, clock), {})):
            rounds[clock] = pairs
    return CaseRounds(case.id, kind_of(case), case.source_hash, rounds)


def _pairs(sampled: Sampled) -> list[Round]:
    """Return the medians of both processes of every round that has both."""
    first, second = SIDES
    numbers = sorted({number for number, _ in sampled})
    return [
        (median(sampled[number, first]), median(sampled[number, second]))
        for number in numbers
        if (number, first) in sampled and (number, second) in sampled
    ]
