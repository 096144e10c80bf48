"""The leader's handle on a follower: answers reach who asked, a leave whoever looks."""

from __future__ import annotations

import socket

import pytest

from bench.running.nodes.channel import Channel
from bench.running.nodes.follower import Follower, NodeLeft
from bench.running.nodes.group import Group
from bench.running.nodes.joining import _connected

JOINED = {"node_rank": 1, "machine": "m", "address": "10.0.0.2"}


@pytest.fixture
def both(ends: tuple[Channel, Channel]) -> tuple[Follower, Channel]:
    """Return the leader's handle, and the connection as the follower has it."""
    return Follower(ends[0], JOINED), ends[1]


def test_an_answer_that_comes_early_is_for_who_asked(both: tuple[Follower, Channel]) -> None:
    """A fast follower answers while the leader still asks its own server."""
    follower, there = both
    follower.ask("describe")
    there.send({"environment": {}})
    follower.expect_there()
    assert follower.answer() == {"environment": {}}
    follower.expect_there()


def test_what_needs_no_answer_leaves_none_due(both: tuple[Follower, Channel]) -> None:
    follower, there = both
    follower.tell("serve", server=0)
    there.send({"left": "it was interrupted there"})
    with pytest.raises(NodeLeft, match="node 1 left the run: it was interrupted there"):
        follower.expect_there()


@pytest.mark.parametrize("says", [True, False])
def test_one_that_leaves_is_noticed_idle_or_asked(
    both: tuple[Follower, Channel], says: bool
) -> None:
    follower, there = both
    follower.ask("hello", server=0)
    there.send({"hello": {}})
    follower.answer()
    if says:
        there.send({"left": "why"})
    there.close()
    for notice in (follower.expect_there, follower.answer, lambda: follower.ask("hello")):
        with pytest.raises(NodeLeft, match="node 1 left the run"):
            notice()


def test_one_that_leaves_while_its_answer_is_due_is_told_to_who_waits(
    both: tuple[Follower, Channel],
) -> None:
    follower, there = both
    follower.ask("describe")
    there.send({"left": "why"})
    follower.expect_there()  # whoever waits for the answer is about to know
    with pytest.raises(NodeLeft, match="why"):
        follower.answer()
    with pytest.raises(NodeLeft, match="why"):
        follower.expect_there()


def test_a_connection_to_itself_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    own = socket.socket()
    own.bind(("127.0.0.1", 0))
    own.connect(own.getsockname())
    monkeypatch.setattr(socket, "create_connection", lambda *_: own)
    with pytest.raises(ConnectionRefusedError):
        _connected(Group(2, 1, *own.getsockname()))
