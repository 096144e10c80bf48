"""The order of things: prepare every case, then rounds that interleave all of them."""

from __future__ import annotations

import random
import time

from bench.cases.case import Case, Role
from bench.judging.record import fold_case
from bench.machine.probes.sampler import Sampler
from bench.running.ahead import Ahead, rounds_ahead
from bench.running.allocation import allocated_for
from bench.running.attempts import Attempts, available_memory_bytes, preparation
from bench.running.lanes import beside
from bench.running.pace import pace_of
from bench.running.step import Step, whole
from bench.running.stopping import narrow
from bench.running.work import Progress, Work
from bench.sides.server import Server
from bench.sides.servers import Servers
from bench.sides.side import Side
from bench.store import Run


class Schedule:
    """Runs what a run folder still lacks, in one session."""

    def __init__(
        self,
        run: Run,
        side: Side,
        progress: Progress,
        sampler: Sampler | None = None,
        at_hand: Server | None = None,
    ):
        self.run, self.at_hand = run, at_hand
        self.manifest = run.manifest
        self.attempts = Attempts(run, side, sampler)
        budget = run.manifest.budget_s
        self.deadline = time.monotonic() + budget if budget is not None else float("inf")
        self.attempts.deadline = self.deadline
        self._active = list(self.manifest.cases)
        self._done = {(a.case, a.role, a.round) for a in run.attempts}
        self._pace = pace_of(run)
        self._work = Work((self.attempts,), self._pace, progress, self.deadline)

    def execute(self) -> str:
        """Do all of it; return `finished` or `budget`."""
        for log in (self.run.folder / "logs").iterdir():
            self.attempts.keep_log(log)  # what an earlier session was killed over
        with Ahead() as ahead:
            if not self._prepare(ahead):
                return "budget"
            self._refit()
            started = time.monotonic()
            try:
                finished = self._rounds(ahead)
            finally:
                self.run.update_session(timing_wall_s=time.monotonic() - started)
                self.attempts.keep_cost()
        return "finished" if finished and self._profiles() else "budget"

    def _prepare(self, ahead: Ahead) -> bool:
        """Check every case, measure its memory and its quality; one that fails goes no further.

        What times nothing comes last: beside it, the servers of the first rounds start.
        """
        todo = [
            Step(case, role, seed)
            for case in self.manifest.cases
            for role, seed in preparation(case)
            if (case.id, role, seed) not in self._done
        ]
        later = self._timed(self.manifest.cases, self.manifest.checkpoints[0])
        first = [step for step in todo if not _may_wait(step)]
        last = [step for step in todo if _may_wait(step)]
        untimed = whole(last)
        with self.attempts.servers([step.case for step in todo], self.at_hand) as servers:
            if not self._serve(servers, first, untimed + later):
                return False
            self._start_ahead(ahead, 0, self._pace.left_s(untimed))
            if not self._work.untimed((servers,), [(0, step) for step in last], later):
                return False
        ahead.wait()
        return True

    def _start_ahead(self, ahead: Ahead, number: int, untimed_s: float = 0.0) -> None:
        """Begin to start the servers of the rounds from `number`, up to the next checkpoint."""
        end = next(c for c in self.manifest.checkpoints if c > number)
        rounds = [self.attempts.servers(self._cases_of(n)) for n in range(number, end)]
        most = max(servers.num_wanted for servers in rounds)
        ahead.start(rounds[: rounds_ahead(most, untimed_s, available_memory_bytes())])

    def _refit(self) -> None:
        """Shorten the share where preparation showed that the first checkpoint would not fit.

        Then deal it out among the processes of each case, for all rounds alike.
        """
        rounds = self.manifest.checkpoints[0]
        left_s = self.deadline - time.monotonic() - rounds * self._pace.server_start_s
        timed = self._timed(self.manifest.cases, rounds)
        self._pace.share_s = self.attempts.share_s = self._pace.fitting_share_s(timed, left_s)
        self.attempts.allocate(allocated_for(self.attempts, self.manifest.cases, self._pace))

    def _timed(self, cases: list[Case], rounds: int, done: int = 0) -> list[tuple[Case, Role]]:
        """List the timed attempts from round `done` up to a number of rounds."""
        return [
            (case, "time")
            for case in cases
            if case.id not in self.attempts.failed
            for _ in range(done, case.most_rounds(rounds))
        ]

    def _rounds(self, ahead: Ahead) -> bool:
        checkpoints = self.manifest.checkpoints
        for number in range(checkpoints[-1]):
            if number in checkpoints:
                self._active = [case for case in self._active if not self._narrow(case)]
            todo = [s for case in self._cases_of(number) for s in self.attempts.timed(case, number)]
            random.Random(f"{self.manifest.seed}-{number}").shuffle(todo)
            if not ahead:
                self._start_ahead(ahead, number)
            later = self._timed(self._active, checkpoints[-1], number + 1)
            with ahead.take() as servers:
                if not self._serve(servers, todo, later):
                    return False
        return True

    def _profiles(self) -> bool:
        """Profile every case that is right, where that was asked for: after all that is timed."""
        todo = [
            Step(case, "profile", 0)
            for case in self.manifest.cases
            if self.manifest.profile and (case.id, "profile", 0) not in self._done
        ]
        if not todo:
            return True
        with self.attempts.servers([step.case for step in todo]) as servers:
            return self._serve(servers, todo, [])

    def _cases_of(self, number: int) -> list[Case]:
        """List the cases that a round times, in the order they were given."""
        return [
            case
            for case in self._active
            if number < case.most_rounds(self.manifest.checkpoints[-1])
            and case.id not in self.attempts.failed
            and (case.id, "time", number) not in self._done
        ]

    def _narrow(self, case: Case) -> bool:
        own = [a for a in self.run.attempts if a.case == case.id]
        return narrow(fold_case(case, own).interval_of())

    def _serve(self, servers: Servers, todo: list[Step], later: list[tuple[Case, Role]]) -> bool:
        """Do a list of attempts; False where the budget ended."""
        return self._work.in_turn((servers,), [[(0, step)] for step in todo], later)


def _may_wait(step: Step) -> bool:
    """Say whether an attempt times nothing, so that others may go on beside it."""
    return step.role in ("quality", "fit") or beside(step.case, step.role) > 1
