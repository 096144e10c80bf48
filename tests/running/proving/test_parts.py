"""Where noise arises: known parts are found again, each on its own level."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import pytest

from bench.judging.noise_file import CaseRounds, NoiseSession
from bench.running.proving.selftest.parts import Part, parts_of
from bench.store.spread import components, nested

SECONDS = 0.05


def session(lot: random.Random, sds: tuple[float, float, float, float], forks: int) -> NoiseSession:
    """Make one session of four cases: `sds` of a second of calls, process, round and session."""
    call, fork, round_, between = sds
    half_sd = call / math.sqrt(SECONDS / 2)
    cases = []
    for number in range(4):
        offset = lot.gauss(0, between)
        rounds, processes, servers = [], [], []
        for server in range(24):
            centre = offset + lot.gauss(0, round_)
            values = []
            for _ in range(forks):
                own = centre + lot.gauss(0, fork)
                halves = [own + lot.gauss(0, half_sd) for _ in range(2)]
                whole = sum(halves) / 2
                processes.append((whole, *halves))
                servers.append(server)
                values.append(whole)
            rounds.append(math.exp(sum(values) / forks))
        pairs = list(zip(rounds[::2], rounds[1::2], strict=True))
        told = {"time": nested(processes, servers, SECONDS)}  # type: ignore[arg-type]
        cases.append(CaseRounds(f"case {number}", "compute", "", {"time": pairs}, told))
    return NoiseSession(datetime.now(UTC), "run", "2", cases)


def holds(part: Part | None, sd: float) -> bool:
    return part is not None and part.low - 0.002 <= sd <= part.high + 0.002


@pytest.mark.parametrize("forks", [2, 4])
@pytest.mark.parametrize(
    "sds",
    [
        (0.001, 0.05, 0.0, 0.0),
        (0.01, 0.0, 0.03, 0.0),
        (0.005, 0.03, 0.02, 0.05),
        (0.002, 0.0, 0.0, 0.0),
    ],
)
def test_known_parts_are_found_again(sds: tuple[float, float, float, float], forks: int) -> None:
    lot = random.Random(f"{sds}-{forks}")
    sessions = [session(lot, sds, forks) for _ in range(6)]
    found = parts_of(sessions, "compute", "time")
    assert found is not None
    for part, sd in zip((found.call, found.fork, found.round, found.session), sds, strict=True):
        assert part is not None
        assert part.low <= part.sd <= part.high
        assert holds(part, sd), (part, sd)


def test_one_process_a_round_tells_nothing_of_processes() -> None:
    sessions = [session(random.Random(1), (0.01, 0.03, 0.01, 0.0), 1)]
    assert parts_of(sessions, "compute", "time") is None
    assert parts_of(sessions, "memory", "time") is None
    assert components([sessions[0].cases[0].nested["time"]]) is None
