"""What a selftest's run folder holds: sessions of rounds of pairs, and samples in processes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median

from bench.cases.case import Attempt, Case
from bench.cases.kind import kind_of
from bench.judging.noise_file import CaseRounds, NoiseSession
from bench.judging.reducing import REDUCERS, Reduce, named
from bench.running.proving.selftest.pretend import SIDES
from bench.store import Run
from bench.store.known_noise import CLOCKS
from bench.store.spread import Nested, Round, nested


@dataclass(frozen=True)
class Sampled:
    """The samples of one process, in s, and the seconds they were taken in."""

    samples: list[float]
    seconds: float


Sides = dict[tuple[int, str], list[Sampled]]  # (round, side) -> processes
Times = dict[tuple[str, int, str], Sides]  # (case, session, clock)


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
            every = [process.samples for own in sampled.values() for process in own]
            logs = [[math.log(s) for s in samples] for samples in every]
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
            seconds = attempt.window.seconds if attempt.window else 0.0
            for clock, samples in _clocks(attempt):
                of_case = found.setdefault((attempt.case, attempt.session, clock), {})
                own = of_case.setdefault((attempt.round, attempt.side), [])
                own.append(Sampled(samples, seconds))
    return found


def _clocks(attempt: Attempt) -> Iterator[tuple[str, list[float]]]:
    """Yield the samples of each clock; not a rank's own, nor what was too short for a clock."""
    for measurement in attempt.measurements:
        of_the_job = measurement.quantity in CLOCKS and measurement.rank is None
        if of_the_job and min(measurement.samples) > 0:
            yield measurement.quantity, measurement.samples


def _case(times: Times, case: Case, session: int) -> CaseRounds:
    found = CaseRounds(case.id, kind_of(case), case.source_hash, {})
    for clock in CLOCKS:
        sides = times.get((case.id, session, clock), {})
        for reducer, reduce in REDUCERS.items():
            if pairs := _pairs(sides, reduce):
                found.rounds[named(clock, reducer)] = pairs
                found.nested[named(clock, reducer)] = _nested(sides, reduce)
    return found


def _pairs(sides: Sides, reduce: Reduce) -> list[Round]:
    """Return what both sides came to in every round that has both: the mean of processes."""
    first, second = SIDES
    numbers = sorted({number for number, _ in sides})
    return [
        (_reduced(sides[number, first], reduce), _reduced(sides[number, second], reduce))
        for number in numbers
        if (number, first) in sides and (number, second) in sides
    ]


def _reduced(processes: Sequence[Sampled], reduce: Reduce) -> float:
    mean = math.exp(fmean(math.log(reduce(process.samples)) for process in processes))
    return float(f"{mean:.9g}")  # no clock tells more, and all of them are kept


def _nested(sides: Sides, reduce: Reduce) -> Nested:
    """Take the processes of every server apart, each by its halves too."""
    processes, servers, seconds = [], [], []
    for server, own in enumerate(sides.values()):
        for process in own:
            middle = len(process.samples) // 2
            halves = process.samples[:middle], process.samples[middle:]
            if middle:
                logs = [math.log(reduce(part)) for part in (process.samples, *halves)]
                processes.append((logs[0], logs[1], logs[2]))
                servers.append(server)
                seconds.append(process.seconds)
    return nested(processes, servers, fmean(seconds) if seconds else 0.0)
