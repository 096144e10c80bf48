"""Distributed training by several ranks: what is wrong is caught, plans are kept, losses repeat."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.judging.record import Record
from bench.sides.server import Server
from suites.distributed.problem import DataParallelTraining
from tests.conftest import ServerFor
from tests.suites.trained_by_ranks import MIXED, SMALL, training, verdicts

WRONG = '''
"""Strategies that train something else."""
from bench import Setting, variant
from suites.distributed.ddp import Ddp
from suites.distributed.problem import DataParallelTraining
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


@pytest.mark.multirank
@pytest.mark.parametrize(
    ("name", "precision", "seen_in"),
    [
        ("sums", "float32", "parameters"),
        ("silent", "float32", "parameters"),
        ("sums", MIXED, "momentum"),  # bfloat16's rounding hides it from the weights
        ("silent", MIXED, "parameters"),
    ],
)
def test_another_training_is_incorrect(name, precision, seen_in, server, tmp_path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG)
    case = training(name, str(tmp_path / "wrong.py"), precision=precision)
    reply = attempt(server, tmp_path, case, "check")
    assert reply["outcome"] == "incorrect", reply
    assert f"{seen_in}: relative L2 error" in reply["detail"]


@pytest.mark.multirank
@pytest.mark.parametrize("precision", ["float32", MIXED])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("ddp", "ddp"),
        ("fsdp2", "fsdp2"),
        ("zero3", "zero3"),
        pytest.param("fsdp2", "fsdp2_no_reshard", marks=pytest.mark.slow),
        pytest.param("zero1", "zero1", marks=pytest.mark.slow),
        pytest.param("zero2", "zero2", marks=pytest.mark.slow),
        ("fsdp2_hybrid", "fsdp2_hybrid"),
        pytest.param("zero_plus_plus", "zero_plus_plus", marks=pytest.mark.slow),
        pytest.param(
            "zero_redundancy_optimizer", "zero_redundancy_optimizer", marks=pytest.mark.slow
        ),
    ],
)
def test_bytes_and_traffic_are_as_planned(module, name, precision, server, tmp_path) -> None:
    """Ask four ranks: at two, one formula can pass for another."""
    ranks = 4
    case = training(name, f"suites.distributed.{module}", ranks, precision)
    reply = attempt(server, tmp_path, case, "memory")
    assert reply["outcome"] == "ok", reply
    every = {(m["quantity"], m["rank"]): m["samples"][0] for m in reply["measurements"]}
    job = {quantity: value for (quantity, rank), value in every.items() if rank is None}
    for rank in range(ranks):
        held = every.get(("model_states", rank), job["model_states"])
        planned = every.get(("model_states_engine", rank), job["model_states_engine"])
        assert held == planned
    assert job["traffic_elements"] == job["traffic_engine_elements"]
    if "wire_engine" in job:
        # headers of messages come on top: much, where every tensor is a message of its own
        assert job["wire_engine"] <= job["wire"] <= 1.2 * job["wire_engine"]


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
