"""Sides that measure nothing: attempts are made in no time, and their order is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

from bench.cases.case import Attempt, Case
from bench.running.attempts import UnderWay
from bench.running.step import Step
from bench.store import Run
from bench.store.allocated import Allocation


@dataclass(eq=False)
class Made:
    """Servers that only know whose they are, and whether they run."""

    letter: str
    running: bool = False

    def start(self) -> None:
        self.running = True

    def wait(self) -> None:
        assert self.running

    def __exit__(self, *_: object) -> None:
        self.running = False


@dataclass
class FakeSide:
    """Makes attempts in no time and keeps the order in which both sides did."""

    letter: str
    log: list[tuple[str, str, str, int]]
    run: Run
    fails: tuple[str, ...] = ()
    failed: set[str] = field(default_factory=set)
    deadline: float = 0.0
    share_s: float = 0.1
    servers_started: int = 0
    forks: Allocation | None = None  # of every case that could have several
    allocated: dict[str, Allocation] = field(default_factory=dict)
    session: int = 0
    bytes_of_a_case: float = 0.0

    def __post_init__(self) -> None:
        self.failed = {a.case for a in self.run.attempts if a.outcome != "ok"}

    def servers(self, cases: list[Case]) -> Made:
        self.servers_started += 1
        return Made(self.letter)

    def goes_on(self, case: Case, role: str) -> bool:
        return case.id not in self.failed

    def make(self, servers: Made, step: Step) -> Attempt:
        assert servers.letter == self.letter
        assert servers.running
        self.log.append((self.letter, step.case.variant, step.role, step.number))
        outcome = "crash" if step.case.variant in self.fails and step.role == "time" else "ok"
        if outcome != "ok":
            self.failed.add(step.case.id)
        made = Attempt(
            step.case.id, step.role, self.session, step.number, outcome, side=self.letter
        )
        self.run.attempts.append(made)
        return made

    def begin(self, servers: Made, step: Step) -> UnderWay:
        yield from ()
        return self.make(servers, step)

    def most_bytes(self) -> float:
        return self.bytes_of_a_case

    @property
    def side(self) -> SimpleNamespace:
        return SimpleNamespace(name=self.letter)

    def allocate(self, allocated: dict[str, Allocation]) -> None:
        self.allocated = dict.fromkeys(allocated, self.forks) if self.forks else {}

    def allocation(self, case: Case) -> Allocation:
        return self.allocated.get(case.id, Allocation(1, self.share_s))

    def processes(self, step: Step) -> int:
        return self.allocation(step.case).forks

    def call_s(self, case: Case) -> float:
        return 0.0


class Silent:
    def provision(self, what: str, share: float) -> None: ...
    def next(self, what: str, left_s: float) -> None: ...
    def done(self, attempt: Attempt) -> None: ...
