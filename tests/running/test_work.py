"""Attempts that time nothing go beside each other, on as many sides as there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from bench.cases.case import Attempt, Case
from bench.running import lanes, work
from bench.running.attempts import UnderWay
from bench.running.pace import Pace
from bench.running.step import Step
from bench.running.work import Task, Work
from bench.store import Manifest, Run
from bench.system.own import ROOT
from tests.running.made_cases import case
from tests.running.made_sides import FakeSide, Made, Silent

LOADS: list[tuple[Task, ...]] = []


@dataclass
class Beside(FakeSide):
    """Keeps which attempts were under way together; each takes as long as `waits` answers."""

    going: list[Task] = field(default_factory=list)

    @property
    def number(self) -> int:
        return "AB".index(self.letter)

    def begin(self, servers: Made, step: Step) -> UnderWay:
        self.going.append((self.number, step))
        LOADS.append(tuple(self.going))
        yield servers  # type: ignore[misc]
        self.going.remove((self.number, step))
        return self.make(servers, step)


@dataclass
class Worked:
    log: list[tuple[str, str, str, int]]
    sides: list[Beside]
    done: bool
    loads: list[tuple[Task, ...]]

    def most(self) -> int:
        return max(map(len, self.loads), default=0)


@contextmanager
def started(sides: list[Beside]) -> Iterator[list[Made]]:
    servers = [side.servers([]) for side in sides]
    for each in servers:
        each.start()
    yield servers


def play(
    monkeypatch: pytest.MonkeyPatch,
    todo: list[Task],
    letters: str = "AB",
    cores: int = 2,
    bytes_of_a_case: float = 0.0,
    fails: tuple[str, ...] = (),
    deadline: float = float("inf"),
) -> Worked:
    """Do tasks on a machine of so many cores, whose answers all come at once."""
    monkeypatch.setattr(lanes.os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(lanes, "_answered", list)
    monkeypatch.setattr(work, "available_memory_bytes", lambda: 8 << 30)
    LOADS.clear()
    log: list[tuple[str, str, str, int]] = []
    run, going = Run(ROOT, Manifest([], "smoke", "cpu", 7, 0.1, [5], [])), list[Task]()
    sides = [
        Beside(letter, log, run, fails, bytes_of_a_case=bytes_of_a_case, going=going)
        for letter in letters
    ]
    made = Work(sides, Pace(0.1), Silent(), deadline)  # type: ignore[arg-type]
    with started(sides) as servers:
        done = made.untimed(servers, todo, [])  # type: ignore[arg-type]
    return Worked(log, sides, done, list(LOADS))


def tasks(sides: int, *cases: Case, seeds: int = 1) -> list[Task]:
    """Return a check, a memory and qualities of every case on every side."""
    roles = [("check", 0), ("memory", 0), *(("quality", seed) for seed in range(seeds))]
    return [
        (side, Step(c, role, seed))  # type: ignore[arg-type]
        for c in cases
        for side in range(sides)
        for role, seed in roles
    ]


CASES = [case(name, quality_seeds=1) for name in "abcdefghijklmnop"]  # enough for four lanes


@pytest.mark.parametrize(("letters", "cores"), [("A", 1), ("A", 2), ("A", 4), ("AB", 2), ("AB", 4)])
def test_everything_is_done_once_in_as_many_lanes_as_there_are_cores(
    monkeypatch: pytest.MonkeyPatch, letters: str, cores: int
) -> None:
    todo = tasks(len(letters), *CASES, seeds=2)
    worked = play(monkeypatch, todo, letters, cores)
    assert worked.done
    assert Counter(worked.log) == Counter(
        (letters[side], s.case.variant, s.role, s.number) for side, s in todo
    )
    assert worked.most() == (cores if cores > 1 else 0)  # on one core, one after the other
    assert all(side.servers_started == max(cores // len(letters), 1) for side in worked.sides)


def test_both_sides_go_on_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = play(monkeypatch, tasks(2, *CASES))
    together = [{side for side, _ in load} for load in worked.loads if len(load) == 2]
    assert together
    assert all(sides == {0, 1} for sides in together)


def test_a_case_has_one_attempt_at_a_time_on_a_side(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = play(monkeypatch, tasks(2, *CASES[:3], seeds=4), cores=4)
    for load in worked.loads:
        assert len({(side, step.case.id) for side, step in load}) == len(load)


def test_qualities_come_last(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = play(monkeypatch, tasks(1, *CASES), "A")
    roles = [role for *_, role, _ in worked.log]
    assert "quality" not in roles[: 2 * len(CASES)]
    assert set(roles[2 * len(CASES) :]) == {"quality"}


@pytest.mark.parametrize("letters", ["A", "AB"])
def test_what_needs_all_memory_is_done_alone(monkeypatch: pytest.MonkeyPatch, letters: str) -> None:
    todo = tasks(len(letters), *CASES)
    worked = play(monkeypatch, todo, letters, bytes_of_a_case=7 << 30)
    assert worked.done
    assert worked.most() == 1
    assert len(worked.log) == len(todo)


@pytest.mark.parametrize(
    "changes", [{"ranks": 2}, {"threads": 2}, {"device": "cuda:0"}, {"compiles": True}]
)
def test_what_has_no_room_beside_it_is_done_alone(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    worked = play(monkeypatch, tasks(2, *(case(name, **changes) for name in "abc"), seeds=0))
    assert worked.done
    alone = [entry for entry in worked.log if entry[2] == "check"]
    assert len(alone) == 6
    assert not any(step.role == "check" for load in worked.loads for _, step in load)


def test_a_side_that_fails_has_no_more_of_that_case(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fails(Beside):
        def make(self, servers: Made, step: Step) -> Attempt:
            if self.letter == "B" and step.case.variant == "c":
                self.failed.add(step.case.id)
            return super().make(servers, step)

    monkeypatch.setitem(globals(), "Beside", Fails)
    worked = play(monkeypatch, tasks(2, *CASES))
    assert worked.done
    assert [role for letter, v, role, _ in worked.log if (letter, v) == ("B", "c")] == ["check"]
    assert len([1 for letter, v, *_ in worked.log if (letter, v) == ("A", "c")]) == 3


def test_nothing_begins_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    worked = play(monkeypatch, tasks(2, *CASES), deadline=0.0)
    assert not worked.done
    assert not worked.log
