"""How much a selftest measures, and how long that takes."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.cases.case import Case
from bench.cases.costs import SERVER_START_S, declared_s
from bench.running.pace import SHARE_MIN_S
from bench.running.proving.selftest.pretend import SIDES
from bench.running.stopping import EFFORTS
from bench.sides.checkout import git_state, publishable
from bench.store import Manifest

BLOCK_START_S = 5.0  # the machine is described, and sources are looked at again


@dataclass(frozen=True)
class Plan:
    """Blocks of rounds with a pause between blocks; `share_s` is what one attempt samples."""

    blocks: int
    rounds: int
    pause_s: float
    share_s: float

    def seconds(self, cases: Sequence[Case]) -> float:
        """Estimate how long all of it takes."""
        return self.fixed_s(cases) + self.attempts(cases) * self.share_s

    def attempts(self, cases: Sequence[Case]) -> int:
        """Count the timed attempts."""
        return len(SIDES) * self.blocks * self.rounds * len(cases)

    def fixed_s(self, cases: Sequence[Case]) -> float:
        """Estimate what does not shrink with the share: servers, processes, ranks, preparation."""
        beside_s = sum(declared_s(case, "time") for case in cases)
        round_s = len(SIDES) * (SERVER_START_S + beside_s)
        preparation_s = sum(declared_s(case, "check") for case in cases)
        preparation_s += sum(declared_s(case, "memory") for case in cases)
        blocks_s = self.blocks * (BLOCK_START_S + self.rounds * round_s)
        return preparation_s + blocks_s + (self.blocks - 1) * self.pause_s


def plan(cases: Sequence[Case], minutes: float, blocks: int, rounds: int, pause_s: float) -> Plan:
    """Fit the share of each attempt into the minutes; never below what samples need."""
    least = Plan(blocks, rounds, pause_s, SHARE_MIN_S)
    share_s = (60 * minutes - least.fixed_s(cases)) / least.attempts(cases)
    share_s = min(max(share_s, SHARE_MIN_S), EFFORTS["quick"].share_s)
    return Plan(blocks, rounds, pause_s, share_s)


def manifest_of(
    planned: Plan, cases: list[Case], device: str, seed: int | None, timeout_s: float
) -> Manifest:
    """Describe the selftest as the run that it is."""
    return Manifest(
        command=["bench", *(publishable(word) for word in sys.argv[1:])],
        preset="selftest",
        device=device,
        seed=random.randrange(2**31) if seed is None else seed,
        share_s=round(planned.share_s, 4),
        checkpoints=[planned.rounds],
        cases=cases,
        git=git_state(),
        timeout_s=timeout_s,
    )
