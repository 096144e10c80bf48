"""Distributed training: theories against hand-made numbers, counters against known traffic."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.distributed as dist

from bench.allocator import heap_bytes
from bench.case import Case
from bench.claim import claims_of
from bench.problem import Incorrect
from bench.record import Record
from bench.setting import Setting
from bench.side import Server
from suites.distributed import claims
from suites.distributed.charts import charts
from suites.distributed.collectives import AllGather, AllReduce, Contribution, ReduceScatter
from suites.distributed.deepspeed_engine import padded_elements, touched_elements
from suites.distributed.fsdp2 import sharded_elements
from suites.distributed.problems import DataParallelTraining
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
from suites.distributed.traffic import Traffic, wire
from suites.distributed.zero_redundancy_optimizer import owned_sizes
from tests.conftest import ServerFor

TWO_RANKS = Setting(torch.float32, torch.device("cpu"), ranks=2)
SMALL = {"batch": 4, "seqlen": 16, "num_layers": 1, "num_heads": 2, "dim": 32, "loss_steps": 3}


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
    assert padded_elements(uneven) == 16
    assert [touched_elements(replace(uneven, rank=rank)) for rank in (0, 1)] == [15, 15 + 1]


def test_shapes_are_known_without_making_parameters() -> None:
    problem = DataParallelTraining(**SMALL)
    made = [tuple(p.shape) for p in problem.network(0).parameters()]
    assert list(problem.shapes()) == made


def test_one_process_holds_what_it_plans() -> None:
    problem = DataParallelTraining(**SMALL)
    setting = Setting(torch.float32, torch.device("cpu"), "train")
    built = Single(problem, setting)
    found = {
        m.quantity: m.samples[0]
        for m in problem.account(built, problem.make_inputs(0, setting), setting)
    }
    assert found["model_states"] == found["model_states_engine"]
    assert found["model_states"] == pytest.approx(found["model_states_paper"], rel=0.02)
    assert found["traffic_elements"] == 0


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
    right = problem.expected(everyone, 0).float()
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


WRONG = '''
"""Strategies that train something else."""
from bench import Setting, variant
from suites.distributed.ddp import Ddp
from suites.distributed.problems import DataParallelTraining
from suites.distributed.strategy import adamw

class Sums(Ddp):
    """Adds gradients up where it should average: Adam hides all of it but its eps."""
    def backward(self, found):
        (found * self.setting.ranks).backward()

class Silent(Ddp):
    """Replicas that never talk."""
    def wrap(self, network):
        self.network, self.optimizer = network, adamw(list(network.parameters()))

@variant
def sums(problem: DataParallelTraining, *, setting: Setting):
    return Sums(problem, setting)

@variant
def silent(problem: DataParallelTraining, *, setting: Setting):
    return Silent(problem, setting)
'''


@pytest.fixture
def server(server_for: ServerFor) -> Server:
    return server_for(DataParallelTraining.preload)


def attempt(server: Server, folder: Path, case: Case, role: str, **more: object) -> dict:
    request = {"case": asdict(case), "role": role, "timeout_s": 120, **more}
    return server.attempt({**request, "log": str(folder / "log.txt")})


def training(name: str, module: str, ranks: int = 2) -> Case:
    return Case(
        "distributed",
        name,
        module,
        "DataParallelTraining",
        dict(SMALL),
        pass_="train",
        ranks=ranks,
    )


@pytest.mark.multirank
@pytest.mark.parametrize("name", ["sums", "silent"])
def test_another_training_is_incorrect(name: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    reply = attempt(server, tmp_path, training(name, str(tmp_path / "wrong.py")), "check")
    assert reply["outcome"] == "incorrect", reply
    assert "parameters: relative L2 error" in reply["detail"]


@pytest.mark.multirank
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("ddp", "ddp"),
        ("fsdp2", "fsdp2"),
        ("fsdp2", "fsdp2_no_reshard"),
        ("zero1", "zero1"),
        ("zero2", "zero2"),
        ("zero3", "zero3"),
        ("zero_redundancy_optimizer", "zero_redundancy_optimizer"),
    ],
)
def test_bytes_and_traffic_are_as_planned(module, name, server, tmp_path) -> None:
    """Ask four ranks: at two, one formula can pass for another."""
    ranks = 4
    case = training(name, f"suites.distributed.{module}", ranks)
    reply = attempt(server, tmp_path, case, "memory")
    assert reply["outcome"] == "ok", reply
    every = {(m["quantity"], m["rank"]): m["samples"][0] for m in reply["measurements"]}
    job = {quantity: value for (quantity, rank), value in every.items() if rank is None}
    for rank in range(ranks):
        held = every.get(("model_states", rank), job["model_states"])
        planned = every.get(("model_states_engine", rank), job["model_states_engine"])
        assert held == pytest.approx(planned, rel=0.02)
    assert job["traffic_elements"] == job["traffic_engine_elements"]
    if "wire_engine" in job:
        # headers of messages come on top: much, where every tensor is a message of its own
        assert job["wire_engine"] <= job["wire"] <= 1.1 * job["wire_engine"]


@pytest.mark.multirank
def test_losses_repeat_and_follow_one_process(server: Server, tmp_path: Path) -> None:
    def losses(name: str, ranks: int) -> list[float]:
        case = training(name, f"suites.distributed.{name}", ranks)
        reply = attempt(server, tmp_path, case, "quality", seed=1)
        assert reply["outcome"] == "ok", reply
        return next(m["samples"] for m in reply["measurements"] if m["quantity"] == "loss")

    first = losses("ddp", 2)
    assert first == losses("ddp", 2)
    assert first == pytest.approx(losses("single", 1), rel=1e-5)


def record(name: str, ranks: int, losses: list[float], **values: float) -> Record:
    case = training(name, "m", ranks)
    psi = {"num_parameters": 100.0, "model_states": 1600.0, "zero_stage": 0.0}
    return Record(case, "ok", values=psi | values, trajectories={"loss": {0: losses}})


def verdicts(*records: Record) -> dict[str, str]:
    return {claim.name: claim.check(records).verdict for claim in claims_of(claims)}


def test_claims_hold_fail_and_stay_untested() -> None:
    plan = {
        "model_states_engine": 1600.0,
        "model_states_paper": 1600.0,
        "traffic_elements": 200.0,
        "traffic_engine_elements": 200.0,
        "traffic_paper_elements": 200.0,
    }
    single, right = record("single", 1, [5.0, 4.0], **plan), record("ddp", 2, [5.0, 4.0], **plan)
    assert set(verdicts().values()) == {"untested"}
    found = verdicts(single, right)
    told = {
        "bytes_are_what_the_engine_plans",
        "replicas_hold_16_bytes_a_parameter",
        "traffic_is_what_the_engine_plans",
        "traffic_is_2_psi_up_to_stage_2",
        "loss_is_that_of_one_process",
    }
    assert {name for name, verdict in found.items() if verdict == "holds"} == told
    assert set(found.values()) == {"holds", "untested"}
    bad = plan | {"model_states": 1700.0, "traffic_elements": 300.0}
    found = verdicts(single, record("ddp", 2, [5.0, 4.1], **bad))
    assert {name for name, verdict in found.items() if verdict == "fails"} == told


def test_charts_draw_every_number_of_ranks() -> None:
    row = {
        "problem": "DataParallelTraining",
        "outcome": "ok",
        "options": None,
        "flags": None,
        **dict.fromkeys(("time_s", "time_low_s", "time_high_s"), 0.1),
        **{"batch": 4, "seqlen": 16, "num_parameters": 100.0, "all_reduce_elements": 100.0},
        **dict.fromkeys(("parameters_bytes", "gradients_bytes"), 400.0),
        **dict.fromkeys(("model_states_paper_bytes", "model_states_engine_bytes"), 1600.0),
        **dict.fromkeys(("traffic_paper_elements", "traffic_engine_elements"), 200.0),
    }
    rows = [("single", 1), ("ddp", 2), ("ddp", 4)]
    frame = pd.DataFrame([{**row, "variant": v, "ranks": r, "case": f"{v}{r}"} for v, r in rows])
    losses = pd.DataFrame(
        [(f"{v}{r}", v, "loss", 0, i, 5.0 - i) for v, r in rows for i in range(3)],
        columns=["case", "variant", "quantity", "seed", "index", "value"],
    )
    found = charts(frame, losses)
    assert [chart.title.partition(":")[0] for chart in found] == ["2 ranks", "4 ranks"]
    assert "one process is ddp, by 0.0e+00" in found[0].caption
    for chart in found:
        chart.drawing.to_dict()  # altair checks it against its schema


def test_importing_the_suite_imports_no_engine() -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        "import suites.distributed as suite\n"
        "for module in pkgutil.iter_modules(suite.__path__):\n"
        "    importlib.import_module(f'{suite.__name__}.{module.name}')\n"
        "assert 'deepspeed' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
