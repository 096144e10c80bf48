"""A module and a loss of the user's own under every strategy, and what of them cannot be."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.cases.case import Case
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from bench.selecting.discover import load_module, variants_of
from bench.sides.selection import ask
from bench.sides.server import Server
from suites.distributed.own import OwnTraining
from suites.distributed.problem import DataParallelTraining
from tests.conftest import ServerFor
from tests.suites.own_trainings import LLAMA, UNFIT
from tests.suites.trained_by_ranks import MIXED

ALONE = Setting(torch.float32, torch.device("cpu"), "train")


@pytest.fixture
def server(server_for: ServerFor) -> Server:
    return server_for(DataParallelTraining.preload)


def written(folder: Path, text: str) -> str:
    (folder / "own.py").write_text(text)
    return str(folder / "own.py")


def test_every_strategy_contests_it(tmp_path: Path) -> None:
    found = variants_of(load_module(written(tmp_path, LLAMA)))
    own = {variant.name for variant in found if variant.problem_type.__name__ == "Llama"}
    strategies = {
        variant.name
        for name in ("single", "ddp", "zero1", "zero2", "zero3", "fsdp2")
        for variant in variants_of(load_module(f"suites.distributed.{name}"))
    }
    assert strategies <= own


def test_the_suite_of_its_kind_speaks_of_it(lister: Server, tmp_path: Path) -> None:
    words = ([written(tmp_path, LLAMA), "distributed/ddp"], [], "smoke", "cpu", {})
    cases = [Case(**plain) for plain in ask(lister, *words)["cases"]]
    found = {(case.suite, case.posed_by, case.spoken_for_by) for case in cases}
    assert found == {("own", "distributed", "distributed"), ("distributed", "", "distributed")}


def test_its_rate_is_of_the_rows_of_all_ranks(tmp_path: Path) -> None:
    problem = load_module(written(tmp_path, LLAMA)).Llama(batch=12)
    assert problem.work(ALONE) == {"rows": 12.0}


@pytest.mark.multirank
@pytest.mark.parametrize("precision", ["float32", MIXED])
@pytest.mark.parametrize(
    "strategy", ["ddp", "fsdp2", pytest.param("zero3", marks=pytest.mark.slow)]
)
def test_a_llama_trains_as_planned(strategy, precision, server, tmp_path) -> None:
    values = {"batch": 4, "seqlen": 16, "loss_steps": 3, "precision": precision}
    module = written(tmp_path, LLAMA)
    case = Case("own", strategy, module, "Llama", values, pass_="train", ranks=2)
    replies = {
        role: server.attempt(
            {"case": asdict(case), "role": role, "timeout_s": 120, "log": str(tmp_path / "log")}
        )
        for role in ("check", "memory")
    }
    assert [reply["outcome"] for reply in replies.values()] == ["ok", "ok"], replies
    found = {m["quantity"]: m["samples"][0] for m in replies["memory"]["measurements"]}
    assert found["model_states"] == found["model_states_engine"]
    assert found["traffic_elements"] == found["traffic_engine_elements"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Mlp", ""),
        ("Summed", "the mean over rows"),
        ("Normed", "the mean over rows"),
        ("Dropped", "differs from call to call"),
        ("Frozen", "0.bias frozen"),
        ("FewerRows", r"8 rows in every tensor, got shape \(3,\)"),
    ],
)
def test_what_ranks_cannot_share_out_is_told(name: str, reason: str, tmp_path: Path) -> None:
    module = load_module(written(tmp_path, UNFIT))
    problem: OwnTraining = getattr(module, name)()
    if not reason:
        problem.vet(problem.make_inputs(0, ALONE), ALONE)
        return
    with pytest.raises(Unsupported, match=reason):
        problem.vet(problem.make_inputs(0, ALONE), ALONE)


def test_layers_are_those_named_or_the_first_list_of_a_kind(tmp_path: Path) -> None:
    module = load_module(written(tmp_path, UNFIT))
    plain = module.Mlp()
    assert list(map(type, plain.layers_of(plain.network(0)))) == [nn.Linear, nn.Linear]
    assert plain.layers_of(nn.Linear(2, 2)) == []
    with pytest.raises(Unsupported, match="no layers of class Block"):
        module.NoSuchLayer().layers_of(plain.network(0))
    normed = module.Normed()
    assert normed.layers_of(normed.network(0)) == []  # of several kinds: the whole is one unit
