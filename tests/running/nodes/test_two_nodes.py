"""Two nodes over loopback: one run, its rows, and what is refused before anything is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.store.run import Run
from tests.running.nodes.made_nodes import Nodes

pytestmark = pytest.mark.multirank

WORDS = ("mine.py", "--set", "ranks=2", "--rounds", "2", "--device", "cpu")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, forked_servers: None) -> Run:
    nodes = Nodes(tmp_path_factory.mktemp("nodes"))
    leader, follower = nodes.both(*WORDS, "-k", "not sleeps")
    assert leader[0] == 0, leader[1] + follower[1]
    assert follower == (0, follower[1])
    assert "node 1 of 2: node 0 is done" in follower[1]
    assert not (nodes.homes[1] / "runs").exists()  # the journal is the leader's
    return nodes.run()


def attempts(run: Run, variant: str) -> list[tuple[str, str, str]]:
    own = {case.id for case in run.manifest.cases if case.variant == variant}
    return [(a.role, a.outcome, a.detail) for a in run.attempts if a.case in own]


def test_a_case_of_two_nodes_is_checked_and_timed_in_step(measured: Run) -> None:
    assert {(role, outcome) for role, outcome, _ in attempts(measured, "works")} == {
        (role, "ok") for role in ("check", "memory", "time")
    }
    timed = next(a for a in measured.attempts if a.role == "time")
    ranks = {m.rank: m.samples for m in timed.measurements if m.quantity == "time"}
    assert ranks[None] == [max(pair) for pair in zip(ranks[0], ranks[1], strict=True)]


def test_a_case_says_on_how_many_nodes_it_lies(measured: Run) -> None:
    assert all(",ranks=2,nodes=2," in case.id for case in measured.manifest.cases)
    (node,) = measured.last_session.environment["nodes"]
    assert node["node"] == 1
    assert node["cores"] >= 1


@pytest.mark.parametrize(
    ("variant", "outcome", "told"),
    [
        ("raises", "error", "node 1: rank 1: ArithmeticError: no sum today"),
        ("loses_a_rank", "crash", "node 1: rank 1 died of SIGKILL"),
        ("loses_an_agent", "crash", "node 1: died of SIGKILL"),
    ],
)
def test_what_fails_on_a_node_is_told_of_it(measured: Run, variant, outcome, told) -> None:
    ((role, ended, detail),) = attempts(measured, variant)
    assert (role, ended, detail[: len(told)]) == ("check", outcome, told)


def test_another_source_on_a_node_is_refused_on_both(tmp_path: Path, forked_servers: None) -> None:
    nodes = Nodes(tmp_path)
    mine = nodes.homes[1] / "mine.py"
    mine.write_text(mine.read_text().replace("return summed\n", "return lambda x: summed(x)\n"))
    for code, said in nodes.both(*WORDS, "-k", "works"):
        assert code == 2, said
        assert "node 1 differs: the source of ~/mine.py is another" in said
    assert not (nodes.homes[0] / "runs").exists()


def test_another_command_on_a_node_is_refused_on_both(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path)
    nodes.start(*WORDS, "--seed", 2, node=1)
    nodes.start(*WORDS, "--seed", 1, node=0)
    for code, said in nodes.end():
        assert code == 2
        assert "node 1 was given another command: bench run mine.py" in said


def test_ranks_that_cannot_be_spread_evenly_are_refused(
    tmp_path: Path, forked_servers: None
) -> None:
    for code, said in Nodes(tmp_path).both("mine.py", "--set", "ranks=3", "--device", "cpu"):
        assert code == 2
        assert "3 ranks cannot be spread evenly over 2 nodes" in said
