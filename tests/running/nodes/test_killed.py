"""SIGKILL of a node in the midst of a case: its row, and nothing left on either side."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.conftest import BENCH_AS_IT_IS
from tests.running.nodes.made_nodes import Nodes

pytestmark = [pytest.mark.multirank, pytest.mark.slow]

WORDS = ("mine.py", "--set", "ranks=2", "-k", "works or sleeps", "--rounds", "2", "--device", "cpu")


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    """Return two nodes whose second rank sleeps; the first that was started is node 1."""
    nodes = Nodes(tmp_path, BENCH_AS_IT_IS)
    for node in (1, 0):
        nodes.start(*WORDS, node=node)
    begun, deadline = nodes.homes[1] / "begun", time.monotonic() + 120
    while not begun.exists():
        assert time.monotonic() < deadline
        assert all(one.poll() is None for one in nodes.started)
        time.sleep(0.01)
    return nodes


def test_a_node_that_is_killed_ends_its_case_with_its_name(nodes: Nodes) -> None:
    nodes.started[0].kill()
    (_, _), (code, said) = nodes.end()
    assert code == 130, said
    assert "node 1 left the run" in said
    run = nodes.run()
    (lost,) = [a for a in run.attempts if a.outcome != "ok"]
    assert (lost.outcome, lost.detail) == ("crash", "node 1 left the run")
    for code, said in nodes.both("--resume", f"runs/{run.folder.name}"):
        assert code == 0, said
    timed = [a for a in nodes.run().attempts if a.role == "time"]
    assert {a.round for a in timed} == {0, 1}


def test_nodes_whose_leader_is_killed_leave(nodes: Nodes) -> None:
    nodes.started[1].kill()
    (code, said), (_, _) = nodes.end()
    assert code == 130, said
    assert "node 0 left the run" in said


def test_a_node_that_is_interrupted_says_so(nodes: Nodes) -> None:
    nodes.started[0].send_signal(signal.SIGINT)
    (follower, _), (leader, said) = nodes.end()
    assert (follower, leader) == (130, 130)
    assert "node 1 left the run: it was interrupted there" in said


def test_a_leader_that_is_interrupted_sends_the_others_home(nodes: Nodes) -> None:
    nodes.started[1].send_signal(signal.SIGINT)
    (follower, said), (leader, _) = nodes.end()
    assert (follower, leader) == (130, 130)
    assert "node 0" in said
