"""Collectives by several ranks: every byte is right, and one wrong byte on one rank is seen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from bench.cases.case import Case
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from bench.sides.server import Server
from suites.distributed.collectives import AllGather, AllReduce, AllToAll, Broadcast, Reduce

WRONG = "tests.suites.wrong_collectives"
TWO_RANKS = Setting(torch.float32, torch.device("cpu"), ranks=2)


def check(server: Server, folder: Path, case: Case) -> dict:
    request = {"case": asdict(case), "role": "check", "timeout_s": 120}
    return server.attempt({**request, "log": str(folder / "log.txt")})


@pytest.mark.multirank
@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_every_byte_is_right(ranks: int, server: Server, tmp_path: Path) -> None:
    """Of every dtype, odd size and root: sums, and what is only moved."""
    module = "tests.suites.every_collective"
    case = Case("distributed", "all_of_them", module, "Every", {}, ranks=ranks)
    reply = check(server, tmp_path, case)
    assert reply["outcome"] == "ok", reply


@pytest.mark.multirank
@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_planted_faults_are_found_where_they_are(
    ranks: int, server: Server, tmp_path: Path
) -> None:
    case = Case("distributed", "planted", WRONG, "Caught", {}, ranks=ranks)
    reply = check(server, tmp_path, case)
    assert reply["outcome"] == "ok", reply


@pytest.mark.multirank
def test_one_wrong_byte_on_one_rank_is_incorrect(server: Server, tmp_path: Path) -> None:
    values = {"num_bytes": 4092}
    case = Case("distributed", "wrong_all_reduce", WRONG, "AllReduce", values, ranks=2)
    reply = check(server, tmp_path, case)
    assert reply["outcome"] == "incorrect", reply
    assert reply["detail"].startswith("rank 1: all_reduce: 1 of 4092 bytes are wrong; element 1022")


def test_what_cannot_be_asked_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="root below 2 ranks, got 2"):
        Broadcast(4096, root=2).make_inputs(0, TWO_RANKS)
    with pytest.raises(Unsupported, match=r"divisible by 2 ranks of torch.float32, got 4092"):
        AllGather(4092).elements(4092, TWO_RANKS)
    assert AllReduce(4092).elements(4092, TWO_RANKS) == Reduce(4092).elements(4092, TWO_RANKS)
    with pytest.raises(Unsupported, match=r"divisible by torch.float32, got 4093"):
        AllReduce(4093).elements(4093, TWO_RANKS)


@pytest.mark.parametrize("values", [{"num_bytes": 0}, {"num_bytes": 8, "from_bytes": 16}])
def test_nonsense_is_told_in_a_line(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        AllToAll(**values)
    with pytest.raises(ValueError, match="root of at least 0, got -1"):
        Reduce(root=-1)
