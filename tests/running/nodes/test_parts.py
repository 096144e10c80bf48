"""Parts of a run on nodes: messages, differences, and one reply of several."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from bench.running.nodes.channel import Gone
from bench.running.nodes.joining import own_command
from bench.running.nodes.replies import one_reply
from bench.running.nodes.said import differences, digest, other_hardware
from bench.system.network import interface_of

SAID = {
    "environment": {
        "python": "3.11.1",
        "torch": "2.13.0",
        "cuda": None,
        "libraries": {"numpy": "2.0"},
        "effective": {"openmp": "gomp"},
        "settings": {"OMP_NUM_THREADS": "2"},
        "cores": 8,
        "gpus": [],
    },
    "instrument": "a",
    "commit": "c0",
    "changed": [],
    "data": {"~/book.txt": "d"},
}


def test_messages_arrive_whole_and_in_order(ends) -> None:
    one, other = ends
    one.send({"a": "é" * 100_000})
    one.send({"b": 2})
    assert other.receive()["a"] == "é" * 100_000
    assert other.receive() == {"b": 2}
    assert one.address == "127.0.0.1"
    assert interface_of(one.address) == "lo"


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\n", b"[1]\n", b"x" * 2000])
def test_what_is_no_message_is_nobody(ends, said: bytes) -> None:
    one, other = ends
    one._link.sendall(said)
    one.close()
    with pytest.raises(Gone):
        other.receive(1.0, most=1000)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("environment", "torch"), "2.12.0", "torch is 2.12.0 there, 2.13.0 on node 0"),
        (("environment", "libraries"), {}, "numpy is none there, 2.0 on node 0"),
        (("environment", "settings"), {}, "OMP_NUM_THREADS is none there, 2 on node 0"),
        (("environment", "effective"), {"openmp": "omp"}, "openmp is omp there, gomp on node 0"),
        (("instrument",), "b", "the checkout's bench/ is another (commit c0, c0)"),
        (("changed",), ["suites.x"], "the source of suites.x is another"),
        (("data",), {"~/book.txt": "e"}, "~/book.txt is another there"),
        (("data",), {"~/book.txt": "missing"}, "~/book.txt is missing there"),
    ],
)
def test_what_differs_is_named(path, value, told) -> None:
    there = copy.deepcopy(SAID)
    place = there
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert list(differences(SAID, SAID, "cpu")) == []
    assert list(differences(SAID, there, "cpu")) == [told]


def test_a_nodes_own_ways_and_hardware_may_differ() -> None:
    there = copy.deepcopy(SAID)
    there["environment"]["settings"]["GLOO_SOCKET_IFNAME"] = "eth7"
    there["environment"]["cores"] = 16
    assert list(differences(SAID, there, "cpu")) == []
    assert list(other_hardware(SAID, there)) == ["cores is 16 there, 8 on node 0"]


def test_files_and_folders_have_digests(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    before = digest(tmp_path), digest(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest(tmp_path) != before[0]
    assert digest(tmp_path / "b") == before[1]
    assert digest(tmp_path / "a") == "missing"


def rank(number: int) -> dict:
    made = {"quantity": "held", "unit": "bytes", "samples": [float(number)]}
    return {"outcome": "ok", "measurements": [made]}


def ok(*ranks: int) -> dict:
    return {"outcome": "ok", "ranks": {str(r): rank(r) for r in ranks}, "elapsed_s": 1.0}


def test_ranks_of_all_nodes_make_one_reply_in_their_order() -> None:
    reply = one_reply({1: ok(2, 3), 0: ok(0, 1)})
    samples = {m.get("rank"): m["samples"] for m in reply["measurements"]}
    assert samples == {None: [3.0], 0: [0.0], 1: [1.0], 2: [2.0], 3: [3.0]}
    assert reply["elapsed_s"] == 1.0


def failed(outcome: str, detail: str, **more: object) -> dict:
    return {"outcome": outcome, "detail": detail, **more}


@pytest.mark.parametrize(
    ("replies", "outcome", "detail"),
    [
        ({1: failed("oom", "a"), 0: failed("error", "b")}, "oom", "node 1: a"),
        ({1: ok(1), 0: failed("error", "b")}, "error", "node 0: b"),
        ({0: failed("error", "b"), 1: failed("crash", "gone", left=True)}, "crash", "gone"),
        (
            {1: failed("timeout", "a"), 0: failed("timeout", "b")},
            "timeout",
            "node 0: b; node 1: a",
        ),
    ],
)
def test_who_failed_first_or_left_is_blamed(replies, outcome, detail) -> None:
    reply = one_reply(replies)
    assert (reply["outcome"], reply["detail"]) == (outcome, detail)
    assert "left" not in reply


def test_a_command_is_the_same_but_for_who_asks() -> None:
    words = ["run", "x", "--node-rank", "1", "--rdzv-endpoint=h:1", "--nnodes", "2", "--seed", "3"]
    assert own_command(words) == ["run", "x", "--seed", "3"]
