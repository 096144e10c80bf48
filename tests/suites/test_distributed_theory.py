"""Distributed training: theories and planned bytes against numbers made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bench.cases.setting import Setting
from suites.distributed.adam import MasterAdamW
from suites.distributed.flat_partitions import padded_elements, touched_elements
from suites.distributed.fsdp2 import own_elements, sharded_elements
from suites.distributed.problem import DataParallelTraining
from suites.distributed.single import Single
from suites.distributed.theory import (
    FLOAT32,
    Layout,
    gloo_bytes,
    model_state_bytes,
    paper_traffic,
    ring_bytes,
    traffic,
)
from suites.distributed.zero_redundancy_optimizer import owned_sizes
from tests.suites.trained_by_ranks import SMALL


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120.0), (1, 31.4), (2, 16.6), (3, 1.88)])
def test_bytes_are_those_of_the_papers_figure_1(stage: int, gigabytes: float) -> None:
    found = sum(model_state_bytes(stage, 7_500_000_000, 64).values())
    assert found / 1e9 == pytest.approx(gigabytes, abs=0.05)


def test_float32_holds_as_much_as_mixed_precision_and_divides_it_differently() -> None:
    held = [sum(model_state_bytes(stage, 1000, 4, FLOAT32).values()) for stage in range(4)]
    assert held == [16_000, 10_000, 7_000, 4_000]


def test_traffic_is_counted_as_in_the_paper() -> None:
    assert [paper_traffic(stage, 100) for stage in range(4)] == [200, 200, 200, 300]
    assert traffic({"all_reduce": 100}) == 200
    assert traffic({"all_gather": 200, "reduce_scatter": 100}) == 300
    with pytest.raises(ValueError, match="alltoall_"):
        traffic({"alltoall_": 1})


def test_a_ring_and_gloo_send_what_they_must() -> None:
    assert ring_bytes("all_reduce", 1200, 4) == 1800
    assert ring_bytes("reduce_scatter", 1200, 4) == ring_bytes("all_gather", 1200, 4) == 900
    # gloo runs a reduce-scatter as an all-reduce of the whole input
    assert gloo_bytes({"reduce_scatter": 300, "all_gather": 300}, 4, 4) == 1800 + 900
    assert gloo_bytes({"broadcast": 300}, 4, 4) is None


def test_engines_lay_parameters_out_as_by_hand() -> None:
    layout = Layout(((4,), (2, 3), (2,)), ranks=2)
    assert layout.num_parameters == 12
    assert padded_elements(layout) == 12
    # partitions are [0, 6) and [6, 12); the tensors end at 4, 10 and 12
    assert [touched_elements(replace(layout, rank=rank)) for rank in (0, 1)] == [4 + 6, 6 + 2]
    assert [owned_sizes(replace(layout, rank=rank)) for rank in (0, 1)] == [[6], [4, 2]]
    uneven = Layout(((5, 3),), ranks=2)
    assert sharded_elements(uneven) == 3 * 3
    assert [own_elements(replace(uneven, rank=rank)) for rank in (0, 1)] == [3 * 3, 2 * 3]
    tiny = Layout(((2, 3), (4,)), ranks=3)  # rows of 1, 1, none; and of 2, 2, none
    assert [own_elements(replace(tiny, rank=rank)) for rank in range(3)] == [3 + 2, 3 + 2, 0]
    assert padded_elements(uneven) == 16
    assert [touched_elements(replace(uneven, rank=rank)) for rank in (0, 1)] == [15, 15 + 1]


def test_mixed_precision_begins_with_weights_that_it_has() -> None:
    """Some engines make their float32 weights from rounded ones."""
    problem = DataParallelTraining(**SMALL, precision="bf16_mixed")
    setting = Setting(torch.float32, torch.device("cpu"), "train")
    built = Single(problem, setting)
    assert isinstance(built.optimizer, MasterAdamW)
    for weight, master in built.optimizer.masters.items():
        assert weight.dtype == torch.bfloat16
        assert torch.equal(weight.float(), master)
    built.step(problem.make_inputs(0, setting))
    for weight, master in built.optimizer.masters.items():
        assert torch.equal(master.bfloat16(), weight)  # which moves by less than it can show
        assert not torch.equal(weight.float(), master)


def test_unknown_precisions_are_refused() -> None:
    with pytest.raises(ValueError, match="expected precision float32 or bf16_mixed, got 'fp8'"):
        DataParallelTraining(**SMALL, precision="fp8")


def test_shapes_are_known_without_making_parameters() -> None:
    problem = DataParallelTraining(**SMALL)
    made = [tuple(p.shape) for p in problem.network(0).parameters()]
    assert list(problem.shapes()) == made


@pytest.mark.parametrize("precision", ["float32", "bf16_mixed"])
def test_one_process_holds_what_it_plans(precision: str) -> None:
    problem = DataParallelTraining(**SMALL, precision=precision)
    setting = Setting(torch.float32, torch.device("cpu"), "train")
    built = Single(problem, setting)
    found = {
        m.quantity: m.samples[0]
        for m in problem.account(built, problem.make_inputs(0, setting), setting)
    }
    assert found["model_states"] == found["model_states_engine"]
    assert found["model_states"] == pytest.approx(found["model_states_paper"], rel=0.02)
    assert found["traffic_elements"] == 0
