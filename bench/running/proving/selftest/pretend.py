"""Measure every case twice a round as if it were two sides, each with a fresh server of its own."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from functools import partial

from bench.cases.case import Attempt, Case, Role
from bench.machine.probes.sampler import Sampler
from bench.running.allocation import allocated
from bench.running.attempts import Attempts, preparation
from bench.running.pace import pace_of
from bench.running.session import measure
from bench.running.step import Step
from bench.running.work import Progress, Work
from bench.sides.server import Server
from bench.sides.servers import Servers, together
from bench.sides.side import Side
from bench.store import Run
from bench.store.allocated import Allocation

SIDES = ("A", "B")


def measure_blocks(found: Run, blocks: int, pause_s: float, progress: Progress) -> None:
    """Measure a run in several sessions with a pause between them.

    Rounds of one session tell nothing of how sessions differ.
    """
    for block in range(blocks):
        if block:
            progress.next(f"a pause before block {block + 1} of {blocks}", pause_s)
            time.sleep(pause_s)
        schedule = partial(PretendSides, blocks_left=blocks - block - 1)
        measure(found, Side(), progress, schedule=schedule)


class PretendSides:
    """A session whose rounds are pairs of the same code, taken as `bench ab` takes two sides."""

    def __init__(
        self,
        run: Run,
        side: Side,
        progress: Progress,
        sampler: Sampler | None = None,
        at_hand: Server | None = None,
        blocks_left: int = 0,
    ):
        self.run, self.progress, self.at_hand = run, progress, at_hand
        self.attempts = Attempts(run, side, sampler)
        self.rounds, self.blocks_left = run.manifest.checkpoints[-1], blocks_left
        self._pace = pace_of(run)

    def execute(self) -> str:
        """Prepare what no earlier session has, then time all rounds."""
        self._prepare()
        self.attempts.allocate(self._allocated())
        started = time.monotonic()
        for number in range(self.rounds):
            self._round(number)
        self.run.update_session(timing_wall_s=time.monotonic() - started)
        self.attempts.keep_cost()
        return "finished"

    def _prepare(self) -> None:
        """Check every case and measure its memory; a case that fails goes no further."""
        done = {(attempt.case, attempt.role, attempt.round) for attempt in self.run.attempts}
        todo = [
            Step(case, role, seed)
            for case in self.run.manifest.cases
            for role, seed in preparation(case)
            if (case.id, role, seed) not in done
        ]
        work = Work((self.attempts,), self._pace, self.progress, self.attempts.deadline)
        with self.attempts.servers([step.case for step in todo], self.at_hand) as servers:
            work.untimed((servers,), [(0, step) for step in todo], self._left(0))

    def _allocated(self) -> dict[str, Allocation]:
        """Deal out the share as a comparison would, but in two processes at least.

        One process a round tells nothing of how processes of one server differ.
        """
        cases = [case for case in self._sound() if case.timed]
        share_s = self.attempts.share_s
        least = {c.id: Allocation(2, c.shares * share_s / 2) for c in cases if not c.starts_cold}
        found = allocated(cases, share_s, {}, self._pace.start_s, self.attempts.call_s)
        return least | found

    def _round(self, number: int) -> None:
        """Time every case on both sides, one right after the other; every order is by lot."""
        lot = random.Random(f"{self.run.manifest.seed}-{self.attempts.session}-{number}")
        cases = self._sound()
        own = self.attempts.side
        with together(*(self._servers(name, cases) for name in SIDES)) as (a, b):
            for case in lot.sample(cases, len(cases)):
                self._announce("time", case, number)
                turns = [
                    (name, servers, step)
                    for step in self.attempts.timed(case, number)
                    for name, servers in lot.sample([("A", a), ("B", b)], 2)
                ]
                for attempt in [self._time(*turn) for turn in turns]:
                    self.progress.done(attempt)  # told afterwards: nothing lies between both
        self.attempts.side = own

    def _sound(self) -> list[Case]:
        return [c for c in self.run.manifest.cases if c.id not in self.attempts.failed]

    def _servers(self, name: str, cases: list[Case]) -> Servers:
        self.attempts.side = replace(self.attempts.side, name=name)
        return self.attempts.servers(cases)

    def _time(self, name: str, servers: Servers, step: Step) -> Attempt:
        self.attempts.side = replace(self.attempts.side, name=name)
        return self._make(servers, step)

    def _make(self, servers: Servers, step: Step) -> Attempt:
        started = time.monotonic()
        attempt = self.attempts.make(servers, step)
        took_s = time.monotonic() - started
        self._pace.took(step.case, step.role, took_s * self.attempts.processes(step))
        return attempt

    def _announce(self, role: Role, case: Case, number: int) -> None:
        """Say what is next, and how long this round and all later ones will take."""
        left_s = self._pace.left_s(self._left(number))
        self.progress.next(f"{role} {case.suite}/{case.variant}", left_s)

    def _left(self, number: int) -> list[tuple[Case, Role]]:
        rounds = self.rounds - number + self.rounds * self.blocks_left
        return [(case, "time") for case in self._sound()] * (rounds * len(SIDES))
