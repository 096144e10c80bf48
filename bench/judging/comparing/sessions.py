"""How far sessions differ, for two runs that were recorded apart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bench.judging.noise import known
from bench.store import Run
from bench.store.known_noise import Noise
from bench.store.spread import Spread


def session_spread_of(base: Run, new: Run, kind: str) -> Spread | None:
    """Return the spread between sessions of a kind of case; None where it was never learned.

    Selftests are asked as they stood when either run began, and those kept here of that machine.
    The best founded answer counts; of equal ones, the widest. None counts that was learned from
    sessions nearer to each other than these runs: other days differ by more than minutes do.
    """
    quantity = base.manifest.judged.get(kind, "time")
    if new.manifest.judged.get(kind, "time") != quantity:
        quantity = "time"
    gap_s = abs(_began_s(new) - _began_s(base))
    covering = [noise for noise in _known(base, new) if noise.covers(gap_s)]
    spreads = [noise.session_spread(kind, quantity) for noise in covering]
    return max(
        (spread for spread in spreads if spread is not None),
        key=lambda spread: (spread.freedom, spread.sd),
        default=None,
    )


def _known(base: Run, new: Run) -> Iterator[Noise]:
    for run in (base, new):
        for session in run.manifest.sessions:
            if noise := Noise.of(session.noise):
                yield noise
    environment = new.last_session.environment
    if here := known(str(environment.get("machine_id", "")), new.manifest.device):
        yield here


def _began_s(run: Run) -> float:
    started = run.last_session.started
    return datetime.fromisoformat(started).timestamp() if started else 0.0
