"""Two nodes with a wire between them that has a limit: busbw finds it, and nothing is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.conftest import BENCH_AS_IT_IS
from tests.running.nodes.made_nodes import Nodes
from tests.running.nodes.namespaces import (
    ADDRESSES,
    NotPermitted,
    delay,
    inside,
    limit,
    two_networks,
)

pytestmark = [pytest.mark.multirank, pytest.mark.slow]

NUM_BYTES = 1 << 20
DELAY_MS = 20
BURST = 1.15  # what a token bucket had left over, of a call this long


@pytest.fixture
def networks() -> Iterator[list[int]]:
    try:
        with two_networks() as holders:
            limit(holders, 1000)
            yield holders
    except NotPermitted as why:
        pytest.skip(str(why))


@pytest.mark.parametrize("mbit", [50, 200])
def test_busbw_stays_below_the_limit_of_the_wire(networks, mbit: int, tmp_path: Path) -> None:
    limit(networks, mbit)
    busbw = NUM_BYTES / call_s(
        networks, NUM_BYTES, tmp_path
    )  # of two ranks algbw and busbw are one
    print(f"{mbit} Mbit/s: busbw {8 * busbw / 1e6:.1f} Mbit/s")
    assert 0 < 8 * busbw < BURST * mbit * 1e6


def test_a_call_takes_no_less_than_the_wire_delays_it(networks, tmp_path: Path) -> None:
    try:
        delay(networks, DELAY_MS)
    except NotPermitted as why:
        pytest.skip(str(why))
    seconds = call_s(networks, 4, tmp_path)
    print(f"{DELAY_MS} ms: {1e3 * seconds:.1f} ms")
    assert seconds >= DELAY_MS / 1e3


def call_s(networks: list[int], num_bytes: int, folder: Path) -> float:
    """Return the median time of an all-reduce of two ranks, one in each network."""
    nodes = Nodes(folder, BENCH_AS_IT_IS)
    nodes.host = ADDRESSES[0]
    words = ("distributed", "--preset", "smoke", "--device", "cpu", "--set", "ranks=2")
    chosen = ("-k", "AllReduce and float32", "--set", f"num_bytes={num_bytes}")
    for node in (1, 0):
        nodes.start(*words, *chosen, node=node, within=inside(networks[node]))
    assert [code for code, _ in nodes.end()] == [0, 0]
    timed = [a for a in nodes.run().attempts if a.role == "time"]
    (time,) = [m.samples for m in timed[0].measurements if m.quantity == "time" and m.rank is None]
    return median(time)


def test_networks_end_with_who_made_them(networks: list[int]) -> None:
    assert len({os.readlink(f"/proc/{pid}/ns/net") for pid in (*networks, os.getpid())}) == 3
