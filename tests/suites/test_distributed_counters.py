"""Distributed training: counters against known traffic, and collectives that must be exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.state.allocator import heap_bytes
from suites.distributed.collectives import (
    AllGather,
    AllReduce,
    AllToAll,
    Broadcast,
    Contribution,
    Reduce,
    ReduceScatter,
)
from suites.distributed.sizes import calls, sizes
from suites.distributed.traffic import Traffic, wire

TWO_RANKS = Setting(torch.float32, torch.device("cpu"), ranks=2)


def test_the_heap_sees_what_is_allocated() -> None:
    before = heap_bytes()
    if before is None:
        pytest.skip("needs glibc 2.33")
    held = torch.ones(1 << 20)
    after = heap_bytes()
    assert after is not None
    assert after - before == pytest.approx(held.nbytes, rel=0.02)


@pytest.fixture
def alone() -> Iterator[None]:
    """Run as a process group of one."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_traffic_counts_elements_by_collective() -> None:
    whole, part = torch.zeros(30), torch.zeros(30)
    with Traffic() as counted:
        dist.all_reduce(whole)
        dist.broadcast(whole, 0)
        dist.all_gather([whole], part)
        dist.reduce_scatter(part, [whole])
        dist.all_to_all_single(whole, part)
        dist.reduce(whole, 0)
        dist.all_reduce(torch.zeros(1))
        dist.barrier()
    assert counted.elements == {
        "all_reduce": 30,
        "broadcast": 30,
        "all_gather": 30,
        "reduce_scatter": 30,
        "all_to_all": 30,
        "reduce": 30,
    }
    assert counted.control_elements == 1
    told = {m.quantity: (m.samples, m.unit) for m in counted.measurements()}
    assert told["all_reduce_calls"] == ([1.0], "1")
    assert told["all_reduce_elements"] == ([30.0], "1")
    assert told["all_reduce"] == ([120.0], "bytes")
    assert len(told) == 3 * len(counted.elements)


@pytest.mark.usefixtures("alone")
def test_calls_add_up_in_the_bytes_of_their_own_types() -> None:
    with Traffic() as counted:
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            dist.all_reduce(torch.zeros(10, dtype=dtype))
    assert counted.calls == {"all_reduce": 3}
    assert counted.elements == {"all_reduce": 30}
    assert counted.num_bytes == {"all_reduce": 140}


def test_the_wire_counts_what_is_written(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file, wire() as sent:
        file.write(b"x" * 10_000)
    assert 10_000 <= sent.num_bytes < 11_000


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "problem", [AllReduce(4096), AllGather(4096), ReduceScatter(4096), AllToAll(4096)]
)
def test_a_collective_must_be_exact(problem) -> None:
    everyone = [problem.contribution(3, rank, 4096, TWO_RANKS) for rank in range(2)]
    right = problem.expected(iter(everyone), TWO_RANKS)
    inputs = Contribution(everyone[:1], 3)
    problem.check(lambda _: (right,), inputs, TWO_RANKS)
    wrong = right.clone()
    wrong[-1] += 1
    with pytest.raises(Incorrect, match=f"element {len(wrong) - 1}: expected"):
        problem.check(lambda _: (wrong,), inputs, TWO_RANKS)
    with pytest.raises(Incorrect, match="shape"):
        problem.check(lambda _: (right[1:],), inputs, TWO_RANKS)


def test_bandwidths_are_those_of_nccl_tests() -> None:
    setting = replace(TWO_RANKS, ranks=4)
    factors = {AllReduce: 1.5, AllGather: 0.75, ReduceScatter: 0.75, AllToAll: 0.75}
    for kind, factor in (factors | {Broadcast: 1, Reduce: 1}).items():
        expected = {"algbw_bytes": 4096, "busbw_bytes": 4096 * factor}
        assert kind(4096).work(setting) == expected
    assert AllReduce(4096, 1024).work(setting) == {}


def test_contributions_fill_their_dtype_and_add_up_exactly() -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.int32):
        setting = replace(TWO_RANKS, dtype=dtype, ranks=32)
        size = 32 * 512 * dtype.itemsize
        drawn = [AllReduce(size).contribution(0, rank, size, setting) for rank in range(32)]
        total = sum(one.double() for one in drawn)
        if dtype.is_floating_point:
            assert torch.equal(total.to(dtype).double(), total)
        seen = drawn[0].view(torch.uint8).unflatten(0, (-1, dtype.itemsize))
        low = dtype.itemsize // 4 if dtype.is_floating_point else 0
        assert all(len(seen[:, byte].unique()) > 2 for byte in range(low, dtype.itemsize))


def test_sizes_are_quarters_and_small_ones_are_sent_often() -> None:
    assert sizes(1 << 20, None) == [1 << 20]
    assert sizes(1 << 20, 1 << 12) == [1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20]
    assert sizes(1000, 200) == [250, 1000]
    assert [calls(size) for size in (1, 1 << 13, 1 << 17, 1 << 24)] == [8, 8, 2, 1]
