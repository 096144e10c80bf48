"""The order of things: prepare every case, then rounds that interleave all of them."""

from __future__ import annotations

import random
import time
from typing import Protocol

from bench.attempts import Attempts, preparation
from bench.case import Attempt, Case, Role
from bench.pace import Pace
from bench.probes.sampler import Sampler
from bench.record import fold_case
from bench.side import Side
from bench.stopping import SERVER_START_S, narrow
from bench.store import Run


class Progress(Protocol):
    """Told what is next and what came of it; draws only then, never while a worker runs."""

    def provision(self, what: str, share: float) -> None: ...
    def next(self, what: str, left_s: float) -> None: ...
    def done(self, attempt: Attempt) -> None: ...


class Schedule:
    """Runs what a run folder still lacks, in one session."""

    def __init__(self, run: Run, side: Side, progress: Progress, sampler: Sampler | None = None):
        self.run, self.progress = run, progress
        self.manifest = run.manifest
        self.attempts = Attempts(run, side, sampler)
        budget = run.manifest.budget_s
        self.deadline = time.monotonic() + budget if budget is not None else float("inf")
        self._done = {(a.case, a.role, a.round) for a in run.attempts}
        self._pace = Pace(self.manifest.share_s)

    def execute(self) -> str:
        """Do all of it; return `finished` or `budget`."""
        for log in (self.run.folder / "logs").iterdir():
            self.attempts.keep_log(log)  # what an earlier session was killed over
        if not self._prepare():
            return "budget"
        self._refit()
        started = time.monotonic()
        try:
            return "finished" if self._rounds() else "budget"
        finally:
            self.run.update_session(timing_wall_s=time.monotonic() - started)
            self.attempts.keep_cost()

    def _prepare(self) -> bool:
        """Check every case and measure its memory; a case that fails goes no further."""
        todo = [
            (case, role, seed)
            for case in self.manifest.cases
            for role, seed in preparation(case)
            if (case.id, role, seed) not in self._done
        ]
        rounds = self.manifest.checkpoints[0]
        return self._serve(todo, self._timed(self.manifest.cases, rounds))

    def _refit(self) -> None:
        """Shorten the share where preparation showed that the first checkpoint would not fit."""
        rounds = self.manifest.checkpoints[0]
        left_s = self.deadline - time.monotonic() - rounds * SERVER_START_S
        timed = self._timed(self.manifest.cases, rounds)
        self.attempts.share_s = self._pace.fitting_share_s(timed, left_s)

    def _timed(self, cases: list[Case], rounds: int, done: int = 0) -> list[tuple[Case, Role]]:
        """List the timed attempts from round `done` up to a number of rounds."""
        return [
            (case, "time")
            for case in cases
            if case.id not in self.attempts.failed
            for _ in range(done, case.most_rounds(rounds))
        ]

    def _rounds(self) -> bool:
        active = list(self.manifest.cases)
        checkpoints = self.manifest.checkpoints
        for number in range(checkpoints[-1]):
            if number in checkpoints:
                active = [case for case in active if not self._narrow(case)]
            active = [case for case in active if number < case.most_rounds(checkpoints[-1])]
            todo: list[tuple[Case, Role, int]] = [
                (case, "time", number)
                for case in active
                if case.id not in self.attempts.failed
                and (case.id, "time", number) not in self._done
            ]
            random.Random(f"{self.manifest.seed}-{number}").shuffle(todo)
            if not self._serve(todo, self._timed(active, checkpoints[-1], number + 1)):
                return False
        return True

    def _narrow(self, case: Case) -> bool:
        own = [a for a in self.run.attempts if a.case == case.id]
        return narrow(fold_case(case, own).interval_of())

    def _serve(self, todo: list[tuple[Case, Role, int]], later: list[tuple[Case, Role]]) -> bool:
        """Do a list of attempts with fresh servers; False where the budget ended."""
        later_s = self._pace.left_s(later)
        failed = self.attempts.failed
        with self.attempts.servers([c for c, _, _ in todo if c.id not in failed]) as servers:
            for position, (case, role, number) in enumerate(todo):
                if case.id in failed:
                    continue
                if time.monotonic() > self.deadline:
                    return False
                here = [(case, role) for case, role, _ in todo[position:]]
                left = min(self._pace.left_s(here) + later_s, self.deadline - time.monotonic())
                self.progress.next(f"{role} {case.suite}/{case.variant}", left)
                started = time.monotonic()
                self.progress.done(self.attempts.make(servers, case, role, number))
                self._pace.took(case, role, time.monotonic() - started)
        return True
