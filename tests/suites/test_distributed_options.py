"""Accumulation, checkpointing and DDP's options: the same training, counted as planned."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from bench.judging.record import Record
from bench.sides.server import Server
from suites.distributed.data_parallel import data_parallel
from suites.distributed.fsdp2 import fsdp2
from suites.distributed.fsdp2_hybrid import fsdp2_hybrid
from suites.distributed.problem import DataParallelTraining
from suites.distributed.single import Single
from suites.distributed.zero1 import zero1
from suites.distributed.zero2 import zero2
from suites.distributed.zero3 import zero3
from suites.distributed.zero_plus_plus import zero_plus_plus
from suites.models.checkpointing import segments
from tests.conftest import ServerFor
from tests.suites.trained_by_ranks import SMALL, training, verdicts

ALONE = Setting(torch.float32, torch.device("cpu"), "train")
WAYS = (None, "full", "sqrt", "selective")


@pytest.fixture
def server(server_for: ServerFor) -> Server:
    return server_for(DataParallelTraining.preload)


def asked(server: Server, folder: Path, role: str, **options) -> dict:
    case = training("ddp", "suites.distributed.ddp", **options)
    request = {"case": asdict(case), "role": role, "timeout_s": 120}
    return server.attempt({**request, "log": str(folder / "log.txt")})


@pytest.mark.multirank
@pytest.mark.parametrize(
    "options",
    [
        {"micro_batches": 2},
        {"micro_batches": 2, "no_sync": False},
        {"hook": "fp16"},
        {"static_graph": True, "bucket_cap_mb": 1},
        {"gradient_as_bucket_view": False},
    ],
    ids=str,
)
def test_options_of_ddp_train_the_same_as_planned(options, server, tmp_path) -> None:
    assert asked(server, tmp_path, "check", **options)["outcome"] == "ok"
    reply = asked(server, tmp_path, "memory", **options)
    found = {m["quantity"]: m["samples"][0] for m in reply["measurements"]}
    assert found["model_states"] == found["model_states_engine"]
    assert found["traffic_elements"] == found["traffic_engine_elements"]
    assert found["wire_engine"] <= found["wire"] <= 1.1 * found["wire_engine"]
    reduced = 2 if options.get("no_sync") is False else 1
    assert found["traffic_elements"] == 2 * reduced * found["num_parameters"]


@pytest.mark.multirank
@pytest.mark.parametrize("hook", ["bf16", "powersgd"])
def test_hooks_that_cannot_run_here_say_why(hook, server, tmp_path) -> None:
    reply = asked(server, tmp_path, "check", hook=hook)
    assert reply["outcome"] == "unsupported", reply
    assert len(reply["detail"]) > 20


@pytest.mark.parametrize(
    ("build", "options", "reason"),
    [
        (data_parallel, {}, "several GPUs"),
        (fsdp2, {"offload": "parameters"}, "not here"),
        (fsdp2, {"offload": "optimizer"}, "or nothing"),
        (fsdp2_hybrid, {}, "several groups"),
        (zero_plus_plus, {}, "several groups"),
        (zero_plus_plus, {"quantized_weights": True}, "CUDA kernels"),
        (zero1, {"offload": "optimizer"}, "already"),
        (zero2, {"offload": "parameters"}, "partitions no parameters"),
        (zero3, {"offload": "parameters"}, "already"),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_what_cannot_run_on_two_ranks_of_a_cpu_says_why(build, options, reason) -> None:
    setting = replace(ALONE, ranks=2)
    with pytest.raises(Unsupported, match=reason):
        build.build(DataParallelTraining(**SMALL), setting, options)


@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("micro_batches", [1, 2, 4])
def test_ways_of_one_device_train_the_same(kind, micro_batches) -> None:
    problem = DataParallelTraining(**{**SMALL, "num_layers": 4})
    plain, other = Single(problem, ALONE), Single(problem, ALONE, micro_batches, kind)
    for seed in range(2):
        batch = problem.make_inputs(seed, ALONE)
        torch.testing.assert_close(other.step(batch), plain.step(batch), rtol=1e-5, atol=0.0)
    torch.testing.assert_close(
        other.full_parameters(), plain.full_parameters(), rtol=0.0, atol=2e-5
    )


@pytest.mark.parametrize("num_layers", range(1, 40))
def test_segments_are_about_the_square_root_of_the_layers(num_layers: int) -> None:
    cut = segments(num_layers)
    assert [first for first, _ in cut] == [0, *(last for _, last in cut[:-1])]
    assert cut[-1][1] == num_layers
    assert max(len(cut), *(last - first for first, last in cut)) <= num_layers**0.5 + 2
    assert all(first < last for first, last in cut)
    assert all(one < other for one, other in pairwise(cut))


def test_unfit_options_are_told() -> None:
    problem = DataParallelTraining(**SMALL)
    with pytest.raises(ValueError, match="expected checkpointing full, sqrt, selective or none"):
        Single(problem, ALONE, checkpointing="half")
    with pytest.raises(Exception, match="3 micro batches share, got 4"):
        Single(problem, ALONE, 3).step(problem.make_inputs(0, ALONE))


def alone(kind: str | None, layers: int, peak: float, products: float) -> Record:
    case = training("single", "m", 1, checkpointing=kind, micro_batches=None)
    case = replace(case, values={**case.values, "num_layers": layers})
    values = {"peak": peak + 100.0, "model_states": 100.0, "products": products}
    return Record(case, "ok", values=values)


def test_checkpointing_is_judged_by_depth_and_by_products() -> None:
    right = [
        *(alone(None, layers, 10.0 * layers, 300.0 * layers) for layers in (4, 16)),
        *(alone("sqrt", layers, 20.0 * layers**0.5, 390.0 * layers) for layers in (4, 16)),
    ]
    names = ("checkpoints_keep_sqrt_of_layers", "checkpoints_cost_a_forward_more")
    assert [verdicts(*right)[name] for name in names] == ["holds", "holds"]
    wrong = [*right[:2], *(alone("sqrt", n, 10.0 * n, 500.0 * n) for n in (4, 16))]
    assert [verdicts(*wrong)[name] for name in names] == ["fails", "fails"]
    assert [verdicts(*right[:2])[name] for name in names] == ["untested", "untested"]
