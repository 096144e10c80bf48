"""Ways to spend the time of a round, taken by turns in every round of one run.

Sides are the same code, each with a fresh server a round, as in a selftest. An arm's processes have
numbers of their own, from a hundred times the arm's place in the list.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from bench.cases.case import Attempt, Case
from bench.running.attempts import Attempts
from bench.running.proving.selftest.pretend import SIDES, PretendSides
from bench.running.step import Step
from bench.sides.servers import Servers, together
from bench.store.allocated import Allocation

APART = 100  # numbers of processes from one arm to the next


@dataclass(frozen=True)
class Arm:
    """One way: in one process or in as many as are allocated, on small pages or huge ones."""

    name: str
    several: bool
    huge_pages: bool


ARMS = (
    Arm("one process", several=False, huge_pages=False),
    Arm("several processes", several=True, huge_pages=False),
    Arm("one process on huge pages", several=False, huge_pages=True),
    Arm("several processes on huge pages", several=True, huge_pages=True),
)


class ArmedAttempts(Attempts):
    """Attempts whose workers are told of the arm whether to ask for huge pages."""

    huge_pages = True

    def _request(self, step: Step) -> dict[str, Any]:
        return {**super()._request(step), "huge_pages": self.huge_pages}


class ArmsInTurn(PretendSides):
    """A session that takes every arm of a case one after the other, in an order drawn by lot."""

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        self.attempts: ArmedAttempts = ArmedAttempts(self.run, self.attempts.side)

    def _round(self, number: int) -> None:
        lot = random.Random(f"{self.run.manifest.seed}-{number}")
        cases, own, allocated = self._sound(), self.attempts.side, self.attempts.allocated
        with together(*(self._servers(name, cases) for name in SIDES)) as servers:
            by_side = dict(zip(SIDES, servers, strict=True))
            for case in lot.sample(cases, len(cases)):
                self._announce("time", case, number)
                for place in lot.sample(range(len(ARMS)), len(ARMS)):
                    for attempt in self._arm(place, by_side, case, number, lot, allocated):
                        self.progress.done(attempt)
        self.attempts.side, self.attempts.allocated = own, allocated

    def _arm(
        self,
        place: int,
        servers: dict[str, Servers],
        case: Case,
        number: int,
        lot: random.Random,
        allocated: dict[str, Allocation],
    ) -> list[Attempt]:
        self.attempts.huge_pages = ARMS[place].huge_pages
        self.attempts.allocated = allocated if ARMS[place].several else {}
        made = []
        for step in self.attempts.timed(case, number):
            for name in lot.sample(SIDES, len(SIDES)):
                self.attempts.side = replace(self.attempts.side, name=name)
                own = step._replace(process=APART * place + step.process)
                made.append(self._make(servers[name], own))
        return made
