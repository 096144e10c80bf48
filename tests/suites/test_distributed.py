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

from bench.cases.case import Case
from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.judging.claim import claims_of
from bench.judging.record import Record
from bench.sides.server import Server
from bench.state.allocator import heap_bytes
from suites.distributed import claims
from suites.distributed.charts import charts
from suites.distributed.collectives import AllGather, AllReduce, Contribution, ReduceScatter
from suites.distributed.deepspeed_engine import padded_elements, touched_elements
from suites.distributed.fsdp2 import Fsdp2, Fsdp2Kept, own_elements, sharded_elements
from suites.distributed.problems import DataParallelTraining
from suites.distributed.single import Single
from suites.distributed.strategy import Strategy
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
from suites.distributed.zero1 import Zero1
from suites.distributed.zero3 import Zero3
from suites.distributed.zero_redundancy_optimizer import OwnerUpdates, owned_sizes
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
    assert [own_elements(replace(uneven, rank=rank)) for rank in (0, 1)] == [3 * 3, 2 * 3]
    tiny = Layout(((2, 3), (4,)), ranks=3)  # rows of 1, 1, none; and of 2, 2, none
    assert [own_elements(replace(tiny, rank=rank)) for rank in range(3)] == [3 + 2, 3 + 2, 0]
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


ODD = {"batch": 5, "seqlen": 7, "num_layers": 1, "num_heads": 1, "loss_steps": 1}


def planned(strategy: type[Strategy], ranks: int, dim: int, **more: float) -> Record:
    """Make the record of a strategy that holds and moves to the byte what it plans."""
    problem = DataParallelTraining(dim=dim, **ODD)
    layouts = [Layout(problem.shapes(), ranks, rank) for rank in range(ranks)]
    psi = layouts[0].num_parameters
    plans = [strategy.predicted_bytes(layout) for layout in layouts]
    held = max(sum(b for kind, b in plan.items() if kind != "buckets") for plan in plans)
    stage = strategy.stage if strategy.traffic_stage is None else strategy.traffic_stage
    moved = traffic(strategy.predicted_traffic(layouts[0]))
    values = {
        "num_parameters": psi,
        "zero_stage": strategy.stage,
        "padding_engine_elements": strategy.padding(layouts[0]),
        "unevenness_engine_elements": max(strategy.unevenness(layout) for layout in layouts),
        "step_counters_engine": 4 * len(layouts[0].shapes),
        "model_states": held + more.get("bytes_more", 0.0) * psi,
        "model_states_engine": held,
        "model_states_paper": sum(model_state_bytes(strategy.stage, psi, ranks, FLOAT32).values()),
        "traffic_elements": moved + more.get("psi_more", 0.0) * psi,
        "traffic_engine_elements": moved,
        "traffic_paper_elements": paper_traffic(stage, psi),
    }
    return record(strategy.__name__, ranks, [1.0], **values)


def judged(one: Record, *names: str) -> dict[str, str]:
    found = verdicts(one)
    return {name: found[name] for name in names}


@pytest.mark.parametrize("ranks", [3, 5, 7])
@pytest.mark.parametrize("dim", [4, 7, 32, 128])
def test_padding_fails_no_claim_and_hides_no_excess(ranks: int, dim: int) -> None:
    traffic_of_3 = "traffic_is_3_psi_in_stage_3"
    for strategy in (Fsdp2, Zero3):
        found = judged(planned(strategy, ranks, dim), traffic_of_3)
        assert found == {traffic_of_3: "holds"}, strategy
        found = judged(planned(strategy, ranks, dim, psi_more=0.5), traffic_of_3)
        assert found == {traffic_of_3: "fails"}, strategy
    bytes_of_3 = "stage_3_partitions_everything"
    assert verdicts(planned(Fsdp2, ranks, dim))[bytes_of_3] == "holds"
    assert verdicts(planned(Fsdp2, ranks, dim, bytes_more=0.5))[bytes_of_3] == "fails"
    assert verdicts(planned(Zero3, ranks, dim))[bytes_of_3] == "fails"  # its master weights
    # moved once more than the paper says, padding or not
    assert verdicts(planned(Zero1, ranks, dim))["traffic_is_2_psi_up_to_stage_2"] == "fails"
    assert verdicts(planned(Fsdp2Kept, ranks, dim))["traffic_is_2_psi_up_to_stage_2"] == "holds"


def test_whole_parameters_that_cannot_be_dealt_out_evenly_tell_nothing() -> None:
    claim = "stage_1_partitions_optimizer_states"
    assert verdicts(planned(OwnerUpdates, 2, 128))[claim] == "holds"
    assert verdicts(planned(OwnerUpdates, 3, 128))[claim] == "untested"
    assert verdicts(planned(OwnerUpdates, 3, 128, bytes_more=0.5))[claim] == "fails"


def test_padding_as_large_as_a_formula_tells_nothing() -> None:
    """Cut a vector of 2 into 16: every rank but two holds padding alone."""
    values = {
        "zero_stage": 3.0,
        "padding_engine_elements": 700.0,
        "model_states": 800.0,
        "model_states_paper": 100.0,
        "traffic_elements": 2400.0 / 8,
        "traffic_paper_elements": 300.0,
        "model_states_engine": 800.0,
        "traffic_engine_elements": 300.0,
    }
    found = verdicts(record("fsdp2", 16, [1.0], **values))
    assert found["traffic_is_3_psi_in_stage_3"] == "untested"
    assert found["stage_3_partitions_everything"] == "untested"


def test_a_run_that_did_not_say_its_padding_is_judged_by_its_plan() -> None:
    padded = planned(Fsdp2, 3, 32)
    names = ("padding_engine_elements", "unevenness_engine_elements", "step_counters_engine")
    old = replace(padded, values={k: v for k, v in padded.values.items() if k not in names})
    assert verdicts(old)["traffic_is_3_psi_in_stage_3"] == "holds"
    assert verdicts(old)["stage_3_partitions_everything"] == "holds"
    more = {**old.values, "traffic_elements": 3.5 * old.values["num_parameters"]}
    assert verdicts(replace(old, values=more))["traffic_is_3_psi_in_stage_3"] == "fails"


def test_a_loss_that_shrinks_is_held_to_where_it_began() -> None:
    plan = {f"{kind}_{word}": 1.0 for kind in ("model_states", "traffic") for word in ("engine",)}
    plan |= {"model_states_paper": 1600.0, "traffic_elements": 0.0, "traffic_paper_elements": 0.0}
    plan |= {"traffic_engine_elements": 0.0}
    alone = record("single", 1, [4.6, 1e-3], **plan)
    claim = "loss_is_that_of_one_process"
    assert verdicts(alone, record("ddp", 2, [4.6, 1e-3 + 1e-6], **plan))[claim] == "holds"
    assert verdicts(alone, record("ddp", 2, [4.6, 2e-3], **plan))[claim] == "fails"


@pytest.mark.multirank
def test_three_ranks_of_a_toy_model_plan_their_padding(server: Server, tmp_path: Path) -> None:
    case = replace(
        training("fsdp2", "suites.distributed.fsdp2", 3), values={**SMALL, "batch": 3, "dim": 14}
    )
    reply = attempt(server, tmp_path, case, "memory")
    assert reply["outcome"] == "ok", reply
    values = {m["quantity"]: m["samples"][0] for m in reply["measurements"] if m["rank"] is None}
    by_rank: dict[str, dict[int, list[float]]] = {}
    for m in reply["measurements"]:
        if m["rank"] is not None:
            by_rank.setdefault(m["quantity"], {})[m["rank"]] = m["samples"]
    assert values["padding_engine_elements"] > 0
    assert by_rank["model_states"] == by_rank["model_states_engine"]  # each rank's to the byte
    found = verdicts(Record(case, "ok", values=values, by_rank=by_rank))
    assert found["bytes_are_what_the_engine_plans"] == "holds"
    assert found["traffic_is_3_psi_in_stage_3"] == "holds"
    assert found["stage_3_partitions_everything"] == "holds"


@pytest.mark.parametrize(
    ("devices", "titles"),
    [
        (("cpu", "cpu", "cpu"), ["2 ranks on cpu", "4 ranks on cpu"]),
        (("cuda:0", "cpu", "cpu"), ["2 ranks on cpu", "4 ranks on cpu"]),  # one GPU
        (("cuda:0", "cuda:0", "cpu"), ["4 ranks on cpu", "2 ranks on cuda:0"]),
    ],
)
def test_charts_draw_every_number_of_ranks_by_device(
    devices: tuple[str, ...], titles: list[str]
) -> None:
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
    asked = [
        {**row, "variant": v, "ranks": r, "case": f"{v}{r}", "device": device}
        for (v, r), device in zip(rows, devices, strict=True)
    ]
    frame = pd.DataFrame(asked)
    losses = pd.DataFrame(
        [(f"{v}{r}", v, "loss", 0, i, 5.0 - i) for v, r in rows for i in range(3)],
        columns=["case", "variant", "quantity", "seed", "index", "value"],
    )
    found = charts(frame, losses)
    assert [chart.title.partition(": ")[0] for chart in found] == titles
    beside_one_process = devices[1] == devices[0]  # never another device's
    assert ("one process is ddp, by 0.0e+00" in found[-1].caption) == beside_one_process
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
