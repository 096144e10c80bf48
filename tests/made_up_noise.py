"""Selftests of machines whose noise is known: every component is drawn with a spread of its own."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.judging.noise_file import CaseRounds, NoiseSession
from bench.store.spread import Round

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)  # a selftest a day, a block a minute


@dataclass(frozen=True)
class Machine:
    """Standard deviations of log seconds; `thread` is that of thread time, where told."""

    occasion: float = 0.0
    session: float = 0.0
    round_: float = 0.0
    process: float = 0.01
    thread: float | None = None


def selftests(
    machine: Machine,
    rng: random.Random,
    occasions: int = 1,
    blocks: int = 4,
    rounds: int = 5,
    cases: int = 1,
    kind: str = "compute",
    torch: str = "2.x",
    base_s: float = 1e-3,
) -> list[NoiseSession]:
    """Return the sessions of several selftests; all cases of a session share its shift."""
    found = []
    for occasion in range(occasions):
        day = rng.gauss(math.log(base_s), machine.occasion)
        for block in range(blocks):
            level = rng.gauss(day, machine.session)
            made = [
                CaseRounds(f"case{i}", kind, "hash", rounds_of(machine, rng, level, rounds))
                for i in range(cases)
            ]
            started = BEGAN + timedelta(days=occasion, minutes=block)
            found.append(NoiseSession(started, f"{torch}-{occasion}", torch, made))
    return found


def rounds_of(
    machine: Machine, rng: random.Random, level: float, rounds: int
) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {"time": [], "thread_time": []}
    for _ in range(rounds):
        middle = rng.gauss(level, machine.round_)
        clocks = {"time": machine.process, "thread_time": machine.thread or machine.process}
        for clock, sd in clocks.items():
            a, b = (math.exp(rng.gauss(middle, sd)) for _ in range(2))
            found[clock].append((a, b))
    return found
