"""What is known of a machine's noise, read from the rounds of all its selftests.

How far two recordings of the same code differ can only be learned from recordings made apart, so
that every selftest adds to what is known, and those of other days add most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.judging.noise_file import NoiseSession, kept, noise_path
from bench.store.known_noise import CLOCKS, Clock, KindNoise, Noise
from bench.store.spread import (
    Recordings,
    Round,
    Spread,
    Squares,
    occasion_squares,
    pair_squares,
    pooled,
    session_squares,
)

LEAST_SESSIONS = 3
LEAST_SELFTESTS = 3  # before anything is known of how occasions differ
# Thread time leaves out waiting, which a user does wait for: it is judged only where it is
# clearly the steadier clock.
STEADIER = 0.8
SEVERAL_THREADS = ("threads", "ranks", "gpu")  # one thread's CPU time says nothing of these


def known(machine_id: str, device: str) -> Noise | None:
    """Return what selftests here have found; None before the first. UserError if damaged."""
    sessions = kept(noise_path(machine_id, device))
    return learned(sessions) if sessions else None


def judged_here(machine_id: str, device: str) -> dict[str, str]:
    """Return the quantity that is judged for every kind of case, as selftests here settled it."""
    return (known(machine_id, device) or Noise()).judged_kinds


def learned(sessions: Sequence[NoiseSession]) -> Noise:
    """Turn sessions into what is known of every kind."""
    kinds = sorted({case.kind for session in sessions for case in session.cases})
    selftests = {session.run for session in sessions}
    learned_of = {kind: _learned_of(sessions, kind) for kind in kinds}
    return Noise(len(sessions), len(selftests), _reach_s(sessions), learned_of)


def _reach_s(sessions: Sequence[NoiseSession]) -> float:
    """Return the seconds between the farthest sessions that the spread was learned from."""
    starts: dict[str, list[float]] = {}
    for session in sessions:
        starts.setdefault(session.run, []).append(session.started.timestamp())
    every = [moment for moments in starts.values() for moment in moments]
    groups = [every] if len(starts) >= LEAST_SELFTESTS else list(starts.values())
    return max(max(moments) - min(moments) for moments in groups)


def _learned_of(sessions: Sequence[NoiseSession], kind: str) -> KindNoise:
    pairs: dict[str, Spread] = {}
    apart: dict[str, Spread] = {}
    for clock in CLOCKS:
        cases = recordings(sessions, kind, clock)
        if found := pair_spread(cases):
            pairs[clock] = found
        if found := session_spread(cases):
            apart[clock] = found
    return KindNoise(judged_clock(kind, pairs), pairs, apart)


def judged_clock(kind: str, pairs: Mapping[str, Spread]) -> Clock:
    """Return thread time where it is clearly the steadier of both, else the wall's."""
    if kind in SEVERAL_THREADS or len(pairs) < len(CLOCKS):
        return "time"
    steadier = pairs["thread_time"].sd < STEADIER * pairs["time"].sd
    return "thread_time" if steadier else "time"


def recordings(sessions: Iterable[NoiseSession], kind: str, clock: str) -> list[Recordings]:
    """Return the recordings of each case of a kind, apart where source or torch changed."""
    found: dict[tuple[str, str, str], dict[str, list[list[Round]]]] = {}
    for session in sessions:
        for case in session.cases:
            if case.kind == kind and case.rounds.get(clock):
                same = found.setdefault((case.case, case.source_hash, session.torch), {})
                same.setdefault(session.run, []).append(case.rounds[clock])
    return [list(occasions.values()) for occasions in found.values()]


def pair_spread(cases: Iterable[Recordings]) -> Spread | None:
    """Return the spread of one side within pairs that these cases have in common."""
    return pooled(pair_squares(s for occasion in case for s in occasion) for case in cases)


def session_spread(cases: Sequence[Recordings]) -> Spread | None:
    """Return the spread of sessions' means; None below `LEAST_SESSIONS` sessions of a case.

    It is taken over all sessions alike and over occasions (selftests), and the larger one is told:
    minutes apart, sessions may be more alike than on different days. All cases of a session saw
    the same machine, so that more cases bring no more freedom.
    """
    ways = [_in_common(map(way, cases)) for way in (session_squares, occasion_squares)]
    enough = [s for s in ways if s is not None and s.freedom >= LEAST_SESSIONS - 1]
    return max(enough, key=lambda spread: spread.sd, default=None)


def _in_common(squares: Iterable[Squares]) -> Spread | None:
    """Pool cases whose sessions were the same: the freedom is that of one case."""
    every = list(squares)
    spread = pooled(every)
    return spread and Spread(spread.sd, max(s.freedom for s in every))
