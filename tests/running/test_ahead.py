"""Servers of coming rounds: a new set for every round, none starting while one is in use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.running.ahead import Ahead, rounds_ahead
from bench.sides.server import Server
from bench.sides.servers import Servers
from bench.sides.side import Side

GIB = 1 << 30


class FakeServer:
    """A server that is up when it is asked for its hello."""

    def __init__(self, log: Path, preload: tuple[str, ...]):
        self.log, self.preload = log, preload
        self.up = self.closed = False

    @property
    def hello(self) -> dict[str, str]:
        self.up = True
        return {"torch": "2.x"}

    def close(self) -> None:
        self.closed = True


class FakeSide:
    """Remembers every server it was asked to start."""

    def __init__(self) -> None:
        self.started: list[FakeServer] = []

    def serve(self, log: Path, preload: tuple[str, ...] = ()) -> FakeServer:
        self.started.append(FakeServer(log, preload))
        return self.started[-1]


def case(*preload: str) -> Case:
    return Case("made_up", "one", "no_module", "Nothing", {}, preload=list(preload))


def servers_of(side: FakeSide, cases: list[Case], at_hand: FakeServer | None = None) -> Servers:
    log = Path("server.txt")
    return Servers(side, cases, lambda: log, lambda _: "", pytest.fail, at_hand)  # type: ignore[arg-type]


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch):
    def use(number: int) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(number)))

    return use


def test_every_round_gets_servers_of_its_own_once_all_are_up() -> None:
    side = FakeSide()
    with Ahead() as ahead:
        ahead.start(servers_of(side, [case(), case("sympy")]) for _ in range(3))
        assert len(side.started) == 6
        assert not any(server.up for server in side.started)  # nothing has been waited for
        for number in range(3):
            with ahead.take():
                assert all(server.up for server in side.started)
                assert len(side.started) == 6
            assert sum(server.closed for server in side.started) == 2 * (number + 1)
    assert not ahead


def test_servers_that_no_round_took_end() -> None:
    side = FakeSide()
    with Ahead() as ahead:
        ahead.start([servers_of(side, [case()]), servers_of(side, [case()])])
        with ahead.take():
            pass
    assert all(server.closed for server in side.started)


def test_a_server_at_hand_is_taken_over() -> None:
    side, at_hand = FakeSide(), FakeServer(Path("none"), ())
    with servers_of(side, [case(), case("sympy")], at_hand):
        assert [server.preload for server in side.started] == [("sympy",)]
        assert not at_hand.closed
    assert at_hand.closed


def test_a_server_at_hand_that_no_case_needs_ends_at_once() -> None:
    side, at_hand = FakeSide(), FakeServer(Path("none"), ())
    with servers_of(side, [case("sympy")], at_hand):
        assert at_hand.closed
        assert [server.preload for server in side.started] == [("sympy",)]


def test_what_the_server_at_hand_said_goes_with_the_run(tmp_path: Path) -> None:
    at_hand = FakeServer(tmp_path / "early.txt", ())
    at_hand.log.write_text("a warning\n")
    kept: list[Path] = []
    found = Servers(
        FakeSide(), [case()], lambda: tmp_path / "1.txt", kept.append, pytest.fail, at_hand
    )  # type: ignore[arg-type]
    with found:
        pass
    assert kept == [tmp_path / "1.txt"]
    assert kept[0].read_text() == "a warning\n"


def test_as_many_rounds_start_together_as_cores_time_and_memory_allow(cores) -> None:
    cores(2)
    assert rounds_ahead(1, 0.0, 24 * GIB) == 2
    assert rounds_ahead(4, 0.0, 24 * GIB) == 1
    assert rounds_ahead(1, 60.0, 24 * GIB) > 5  # they start while quality is measured
    assert rounds_ahead(1, 60.0, 4 * GIB) == 3
    assert rounds_ahead(4, 60.0, 1 * GIB) == 1
    assert rounds_ahead(0, 0.0, 1 * GIB) >= 1  # no round has a case left
    cores(16)
    assert rounds_ahead(1, 0.0, 24 * GIB) == 16
    cores(1)
    assert rounds_ahead(1, 60.0, 24 * GIB) == 1


def test_the_end_of_one_server_is_not_the_end_of_another(tmp_path: Path) -> None:
    with Side().serve(tmp_path / "a.txt") as a, Side().serve(tmp_path / "b.txt") as b:
        assert a.hello
        assert b.hello
        a.close()
        os.kill(b.pid, 0)  # it is there
        assert isinstance(b, Server)
        answer = b.list_cases({"known": [], "device": "cpu"})
        assert answer["changed"] == []
