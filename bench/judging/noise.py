"""What is known of a machine's noise, read from the rounds of all its selftests.

How far two recordings of the same code differ can only be learned from recordings made apart, so
that every selftest adds to what is known, and those of other days add most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from bench.judging.noise_file import NoiseSession, kept, noise_path
from bench.judging.reducing import REDUCERS, named
from bench.store.known_noise import CLOCKS, Components, KindNoise, Noise
from bench.store.spread import (
    Recordings,
    Round,
    Spread,
    Squares,
    components,
    occasion_squares,
    pair_squares,
    pooled,
    session_squares,
)

LEAST_SESSIONS = 3
LEAST_SELFTESTS = 3  # before anything is known of how occasions differ
# Thread time leaves out waiting, which a user does wait for, and a lower figure than the median
# what the slower half of the calls took: they are judged only where they are clearly steadier.
STEADIER = 0.8
SEVERAL_THREADS = ("threads", "ranks", "gpu")
JUDGED = [named(clock, reducer) for clock in CLOCKS for reducer in REDUCERS]


def known(machine_id: str, device: str) -> Noise | None:
    """Return what selftests here have found; None before the first. UserError if damaged."""
    sessions = kept(noise_path(machine_id, device))
    return learned(sessions) if sessions else None


def judged_here(machine_id: str, device: str) -> dict[str, str]:
    """Return the quantity that is judged for every kind of case, as selftests here settled it."""
    return (known(machine_id, device) or Noise()).judged_kinds


def learned(sessions: Sequence[NoiseSession]) -> Noise:
    """Turn sessions into what is known of every kind.

    Those that took rounds apart spent them as rounds are spent now; others only count without them.
    """
    sessions = [s for s in sessions if any(case.nested for case in s.cases)] or sessions
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
    for judged in JUDGED:
        cases = recordings(sessions, kind, judged)
        if found := pair_spread(cases):
            pairs[judged] = found
        if found := session_spread(cases):
            apart[judged] = found
    judged = steadiest(kind, pairs)
    return KindNoise(judged, pairs, apart, _components(sessions, kind, judged))


def steadiest(kind: str, pairs: Mapping[str, Spread]) -> str:
    """Return what is judged: the wall's median, unless another figure is clearly steadier."""
    alone = kind not in SEVERAL_THREADS  # one thread's CPU time says nothing of several
    spreads = {name: s.sd for name, s in pairs.items() if alone or name.startswith("time")}
    best = min(spreads, key=spreads.__getitem__, default="time")
    return best if best in spreads and spreads[best] < STEADIER * spreads.get("time", 0) else "time"


def _components(sessions: Iterable[NoiseSession], kind: str, judged: str) -> Components | None:
    cases = [case for session in sessions for case in session.cases if case.kind == kind]
    found = components(case.nested[judged] for case in cases if judged in case.nested)
    return Components(*map(math.sqrt, found)) if found else None


def recordings(sessions: Iterable[NoiseSession], kind: str, judged: str) -> list[Recordings]:
    """Return the recordings of each case of a kind, apart where source or torch changed."""
    found: dict[tuple[str, str, str], dict[str, list[list[Round]]]] = {}
    for session in sessions:
        for case in session.cases:
            if case.kind == kind and case.rounds.get(judged):
                same = found.setdefault((case.case, case.source_hash, session.torch), {})
                same.setdefault(session.run, []).append(case.rounds[judged])
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
