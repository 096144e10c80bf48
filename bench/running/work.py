"""Attempts of one side or more, made one after the other or side by side, until a deadline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol

from bench.cases.case import Attempt, Case, Role
from bench.running.attempts import Attempts, UnderWay, available_memory_bytes
from bench.running.lanes import beside, fitting, side_by_side
from bench.running.pace import Pace
from bench.running.step import Step, whole
from bench.sides.servers import Servers

Task = tuple[int, Step]  # the side, and what is to be done there
Turn = list[Task]  # done without a break


class Progress(Protocol):
    """Told what is next and what came of it; draws only then, never while a worker runs."""

    def provision(self, what: str, share: float) -> None: ...
    def next(self, what: str, left_s: float) -> None: ...
    def done(self, attempt: Attempt) -> None: ...


class Work:
    """Has attempts of all sides made, and tells what is next and what came of it.

    `later` is what comes after that which is asked for: it counts to the time left.
    """

    def __init__(self, sides: Sequence[Attempts], pace: Pace, progress: Progress, deadline: float):
        self.sides, self.pace, self.progress, self.deadline = sides, pace, progress, deadline

    def in_turn(
        self, servers: Sequence[Servers], turns: list[Turn], later: list[tuple[Case, Role]]
    ) -> bool:
        """Do turns one after the other, on the servers of each side; False where time is up."""
        later_s = self.pace.left_s(later)
        for position, turn in enumerate(turns):
            if not any(self._goes_on(task) for task in turn):
                continue
            if time.monotonic() > self.deadline:
                return False
            self._tell(turn[0], self.pace.left_s(rounds_of(turns[position:])) + later_s)
            self._take(turn, servers)
        return True

    def _take(self, turn: Turn, servers: Sequence[Servers]) -> None:
        """Do one turn; what comes of it is told afterwards, so that nothing lies in between."""
        made: list[Attempt] = []
        for side, step in turn:
            if self._goes_on((side, step)):
                started, own = time.monotonic(), self.sides[side]
                made.append(own.make(servers[side], step))
                took_s = time.monotonic() - started
                self.pace.took(step.case, step.role, took_s * own.processes(step))
        for attempt in made:
            self.progress.done(attempt)

    def untimed(
        self, servers: Sequence[Servers], todo: list[Task], later: list[tuple[Case, Role]]
    ) -> bool:
        """Do what times nothing, several at once where the cores have room; False if time is up.

        Qualities come last: by then it is known what memory their cases need. After them, one by
        one, come searches for the largest batch, of what passed its check.
        """
        fits = [[task] for task in todo if task[1].role == "fit"]
        alone = [[task] for task in todo if not (_has_room(task) or task[1].role == "fit")]
        several = sorted(filter(_has_room, todo), key=lambda task: task[1].role == "quality")
        if not self.in_turn(servers, alone, rounds_of([several, *fits]) + later):
            return False
        with ExitStack() as ending:
            more = self._more_lanes(several)
            for _, lane in more:
                ending.push(lane)
                lane.start()
            left = self._side_by_side(
                [*enumerate(servers), *more], several, rounds_of(fits) + later
            )
            return self.in_turn(servers, [[task] for task in left] + fits, later)

    def _more_lanes(self, todo: list[Task]) -> list[tuple[int, Servers]]:
        """Return servers for lanes beside one a side, as many as cores and memory have room for.

        None where the work would be done before they are up.
        """
        room = min((beside(step.case, step.role) for _, step in todo), default=1)
        if self.pace.left_s(rounds_of([todo])) < self.pace.server_start_s:
            room = 1
        each = self._fitting(room) // len(self.sides)
        lanes = []
        for number, side in enumerate(self.sides):
            cases = [step.case for of, step in todo if of == number]
            wanted = min(each, len({case.id for case in cases}))
            lanes += [(number, side.servers(cases)) for _ in range(wanted - 1)]
        return lanes

    def _fitting(self, lanes: int) -> int:
        most_bytes = max(side.most_bytes() for side in self.sides)
        return fitting(lanes, most_bytes, available_memory_bytes())

    def _side_by_side(
        self, lanes: list[tuple[int, Servers]], todo: list[Task], later: list[tuple[Case, Role]]
    ) -> list[Task]:
        """Do tasks, one in every lane at a time; return those that are left.

        A case has one at a time: where that fails, no other need be made. Some are left where the
        time is up, or what was measured meanwhile needs more memory than was known.
        """
        waiting, later_s = list(todo), self.pace.left_s(later)
        side_of = {servers: side for side, servers in lanes}
        under_way: dict[tuple[str, str], Case] = {}

        def begin(lane: Servers) -> UnderWay | None:
            if len(under_way) >= self._fitting(len(lanes)) or time.monotonic() > self.deadline:
                return None
            own = self.sides[side_of[lane]]
            for task in [task for task in waiting if task[0] == side_of[lane]]:
                step, key = task[1], (own.side.name, task[1].case.id)
                if key in under_way:
                    continue
                left_s = self.pace.left_s(rounds_of([waiting])) + later_s
                waiting.remove(task)
                if self._goes_on(task):
                    self._tell(task, left_s)
                    under_way[key] = step.case
                    return own.begin(lane, step)
            return None

        for attempt in side_by_side([servers for _, servers in lanes], begin):
            self.progress.done(attempt)
            case = under_way.pop((attempt.side, attempt.case))
            self.pace.took(case, attempt.role, attempt.elapsed_s)
        return waiting

    def _goes_on(self, task: Task) -> bool:
        side, step = task
        return self.sides[side].goes_on(step.case, step.role)

    def _tell(self, task: Task, left_s: float) -> None:
        step, left_s = task[1], min(left_s, self.deadline - time.monotonic())
        self.progress.next(f"{step.role} {step.case.suite}/{step.case.variant}", left_s)


def rounds_of(turns: list[Turn]) -> list[tuple[Case, Role]]:
    """Return what turns come to: all processes of a side in a round are one."""
    tasks = [task for turn in turns for task in turn]
    sides = sorted({side for side, _ in tasks})
    return [found for side in sides for found in whole(step for s, step in tasks if s == side)]


def _has_room(task: Task) -> bool:
    return beside(task[1].case, task[1].role) > 1
