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
from suites.distributed.collectives import AllGather, AllReduce, Contribution, ReduceScatter
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
        dist.all_reduce(torch.zeros(1))
        dist.barrier()
    assert counted.elements == {
        "all_reduce": 30,
        "broadcast": 30,
        "all_gather": 30,
        "reduce_scatter": 30,
    }
    assert counted.control_elements == 1


def test_the_wire_counts_what_is_written(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file, wire() as sent:
        file.write(b"x" * 10_000)
    assert 10_000 <= sent.num_bytes < 11_000


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("problem", [AllReduce(4096), AllGather(4096), ReduceScatter(4096)])
def test_a_collective_must_be_exact(problem) -> None:
    everyone = [problem.contribution(3, rank, TWO_RANKS).double() for rank in range(2)]
    right = problem.expected(iter(everyone), TWO_RANKS).float()
    inputs = Contribution(everyone[0].float(), 3)
    problem.check(lambda _: (right,), inputs, TWO_RANKS)
    wrong = right.clone()
    wrong[-1] += 1
    with pytest.raises(Incorrect, match="off by 1"):
        problem.check(lambda _: (wrong,), inputs, TWO_RANKS)
    with pytest.raises(Incorrect, match="shape"):
        problem.check(lambda _: (right[1:],), inputs, TWO_RANKS)


def test_bandwidths_are_those_of_nccl_tests() -> None:
    setting = replace(TWO_RANKS, ranks=4)
    assert AllReduce(4096).work(setting) == {"algbw_bytes": 4096, "busbw_bytes": 4096 * 1.5}
    assert AllGather(4096).work(setting) == {"algbw_bytes": 4096, "busbw_bytes": 4096 * 0.75}
