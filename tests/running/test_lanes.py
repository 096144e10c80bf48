"""Attempts beside each other: every lane is kept busy, and none waits for another's answer."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace

import pytest

from bench.cases.case import Attempt, Case
from bench.running.attempts import UnderWay
from bench.running.lanes import MOST, beside, fitting, side_by_side
from bench.system import process

CASE = Case("made_up", "one", "no_module", "Nothing", {})


class Owes:
    """A server that owes an answer for so many seconds."""

    def __init__(self, seconds: float):
        self.reads, self.writes = os.pipe()
        self.due = time.monotonic() + seconds

    def fileno(self) -> int:
        return self.reads


class Jobs:
    """Jobs in order; when one begins, the answers to those that `answers` names for it come."""

    def __init__(self, answers: dict[str, list[str]]):
        self.waiting, self.answers = list(answers), answers
        self.going: dict[str, Owes] = {}
        self.lanes: dict[str, str] = {}

    def begin(self, lane: str) -> UnderWay | None:
        if not self.waiting:
            return None
        name = self.waiting.pop(0)
        self.lanes[name] = lane
        return self._under_way(name)

    def _under_way(self, name: str) -> UnderWay:
        if name != "dead":  # whose server died before it could be asked
            self.going[name] = Owes(0.0 if name == "silent" else 60.0)
            for answered in self.answers[name]:
                os.write(self.going[answered].writes, b"\n")
            yield self.going[name]  # type: ignore[misc]
            del self.going[name]
        return Attempt(name, "quality", 0, 0, "ok", "now", 0.1)

    def play(self, *lanes: str) -> list[str]:
        return [attempt.case for attempt in side_by_side(lanes, self.begin)]  # type: ignore[arg-type]


def test_a_lane_goes_on_as_soon_as_its_own_answer_is_there() -> None:
    jobs = Jobs({"long": [], "short": ["short"], "next": ["next"], "last": ["long", "last"]})
    assert jobs.play("a", "b") == ["short", "next", "long", "last"]
    assert jobs.lanes == {"long": "a", "short": "b", "next": "b", "last": "b"}
    assert not jobs.going


def test_one_lane_does_one_after_the_other() -> None:
    assert Jobs({"one": ["one"], "two": ["two"]}).play("a") == ["one", "two"]
    assert Jobs({}).play("a", "b") == []


def test_a_server_that_stays_silent_or_dies_holds_up_nobody() -> None:
    jobs = Jobs({"silent": [], "dead": [], "one": ["one"], "two": ["two"]})
    assert sorted(jobs.play("a", "b")) == ["dead", "one", "silent", "two"]


@pytest.mark.parametrize(
    ("cores", "changed", "expected"),
    [
        (2, {}, 2),
        (1, {}, 1),
        (64, {}, MOST),
        (4, {"threads": 2}, 2),
        (2, {"threads": 4}, 1),
        (8, {"ranks": 2}, 1),  # which wait for each other
        (8, {"device": "cuda:0"}, 1),
    ],
)
def test_lanes_are_what_the_cores_have_room_for(
    cores: int, changed: dict, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    case = replace(CASE, **changed)
    assert beside(case, "quality") == expected
    assert {beside(case, role) for role in ("check", "memory", "quality")} == {expected}
    assert beside(case, "time") == 1
    compiling = replace(case, compiles=True)
    assert beside(compiling, "check") == 1  # its first call is a time
    assert beside(replace(compiling, rounds=0), "check") == expected


def test_lanes_fit_the_memory() -> None:
    assert fitting(4, case_bytes=1e9, available_bytes=20e9) == 4
    assert fitting(4, case_bytes=4e9, available_bytes=20e9) == 2
    assert fitting(4, case_bytes=30e9, available_bytes=20e9) == 1
    assert fitting(4, case_bytes=0, available_bytes=20e9) == 4


def test_what_is_below_a_spared_process_is_spared_too() -> None:
    """Or the end of one lane's server would be the end of another's attempt."""
    with subprocess.Popen(["sh", "-c", "sleep 60; true"]) as server:
        while not (below := process.descendants(server.pid)):
            time.sleep(0.01)
        ours = process.descendants(os.getpid())
        assert {server.pid, *below} <= set(ours)
        assert not {server.pid, *below} & set(process.descendants(os.getpid(), {server.pid}))
        for pid in (server.pid, *below):
            os.kill(pid, 9)
