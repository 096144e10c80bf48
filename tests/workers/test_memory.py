"""Peak memory on CPU counts what is alive during a call: inputs, weights, masks, buffers."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.cases.case import Case
from bench.checking.storages import bytes_by_kind, storage_bytes
from bench.sides.server import Server
from bench.workers.roles.witnesses import malloc_contradicts, resident_set_contradicts
from tests import held_weights
from tests.conftest import ServerFor

MODULE = """
from dataclasses import dataclass
import torch
from torch import nn
from bench.module import ModuleProblem

@dataclass(frozen=True)
class Wide(ModuleProblem):
    width: int = 1024
    def module(self):
        return nn.Linear(self.width, self.width, bias=False)
    def example(self):
        return (torch.randn(1, self.width),)
"""


@pytest.fixture(name="server")
def _server(server_for: ServerFor) -> Server:
    """Return a server that has imported what several ways to hold a weight import."""
    return server_for(("torch._dynamo", "torch.fx.experimental.symbolic_shapes"))


def quantities(reply: dict[str, Any]) -> dict[str, float]:
    assert reply["outcome"] == "ok", reply
    return {m["quantity"]: m["samples"][0] for m in reply["measurements"]}


def peak(server: Server, case: Case, tmp_path: Path) -> float:
    log = str(tmp_path / "log.txt")
    return quantities(
        server.attempt({"case": asdict(case), "role": "memory", "timeout_s": 120, "log": log})
    )["peak"]


@pytest.mark.parametrize("variant", ["eager", pytest.param("compiled", marks=pytest.mark.slow)])
def test_weights_count(server: Server, tmp_path: Path, variant: str) -> None:
    (tmp_path / "wide.py").write_text(MODULE)
    case = Case("wide", variant, str(tmp_path / "wide.py"), "Wide", {"width": 1024})
    weights, vector = 4 * 1024**2, 4 * 1024
    assert weights + 2 * vector <= peak(server, case, tmp_path) <= weights + 16 * vector


def test_math_holds_the_square_and_flash_does_not(server: Server, tmp_path: Path) -> None:
    values = {"num_heads": 4, "seqlen_q": 1024, "head_dim": 64, "causal": False}
    inputs, square = 4 * 4 * 1024 * 64 * 4, 4 * 1024**2 * 4
    math, flash = (
        peak(
            server,
            Case("attention", v, f"suites.attention.{m}", "SoftmaxAttention", values),
            tmp_path,
        )
        for v, m in (("math", "math"), ("sdpa_flash", "sdpa"))
    )
    assert 2 * square <= math <= 2 * square + 2 * inputs
    assert flash <= 2 * inputs


HELD = Path(__file__).parents[1] / "held_weights.py"
WAYS = held_weights.WAYS
CALL = 2 * 4 * 4096  # the input, and what a call makes of it


def reply_of(server: Server, tmp_path: Path, variant: str, threads: int = 1, **options: str) -> Any:
    case = Case("held", variant, str(HELD), "Double", {"n": 4096}, threads=threads, options=options)
    log = str(tmp_path / "log.txt")
    return server.attempt({"case": asdict(case), "role": "memory", "timeout_s": 120, "log": log})


@pytest.mark.parametrize("way", WAYS)
def test_a_weight_counts_however_it_is_held(server: Server, tmp_path: Path, way: str) -> None:
    for threads in (1, 2):
        assert quantities(reply_of(server, tmp_path, "held", threads, way=way))["peak"] == (
            CALL + WAYS[way][1]
        )


@pytest.mark.parametrize("way", ["own_parameter", "capsule", "numpy"])
@pytest.mark.parametrize(("variant", "held"), [("held_lazily", True), ("let_go", False)])
def test_what_the_first_call_made_counts_and_what_it_freed_does_not(
    server: Server, tmp_path: Path, way: str, variant: str, held: bool
) -> None:
    found = quantities(reply_of(server, tmp_path, variant, way=way))
    assert found["peak"] == CALL + held * WAYS[way][1]


def test_blocks_beyond_the_slack_of_a_witness_are_counted(server: Server, tmp_path: Path) -> None:
    n = 6_000_000  # 23 MiB in and as many out, which malloc would take from its heap
    case = Case("held", "held", str(HELD), "Double", {"n": n})
    assert peak(server, case, tmp_path) == 2 * 4 * n


@pytest.mark.parametrize(
    ("variant", "why"),
    [
        ("unseen", "malloc holds .* more than the 0.0 MiB of the tensors seen"),
        ("gone_unseen", "malloc holds .* less than the 32.0 MiB of the tensors seen"),
        ("works_unseen", "the process grew by 3.* MiB in a call, the tensors seen by 0.0 MiB"),
    ],
)
def test_a_count_that_is_contradicted_is_none(
    server: Server, tmp_path: Path, variant: str, why: str
) -> None:
    reply = reply_of(server, tmp_path, variant)
    assert "peak" not in quantities(reply)
    assert re.match(why, reply["labels"]["memory_not_counted"])
    assert "memory_counted_by" not in reply["labels"]


def test_witnesses_allow_what_they_must() -> None:
    mib = 1 << 20
    assert not malloc_contradicts(None, [mib], 0)  # it does not tell
    assert not malloc_contradicts(100 * mib, [100 * mib], 0)
    assert not malloc_contradicts(100 * mib, [100 * mib], 64 * mib)  # a file's
    assert not malloc_contradicts(164 * mib, [100 * mib], 64 * mib)  # NumPy's
    assert "more" in malloc_contradicts(190 * mib, [100 * mib], 64 * mib)
    assert "less" in malloc_contradicts(80 * mib, [100 * mib], 64 * mib)
    assert not malloc_contradicts(4096 * 1004 * 17, [65536] * 1000, 0)  # headers and pages
    assert not resident_set_contradicts(0, 100 * mib, 1)  # never written
    assert resident_set_contradicts(120 * mib, 100 * mib, 1)


def test_storages_behind_wrappers_and_sparse_tensors_are_accounted_once() -> None:
    inner = torch.ones(100)
    places = torch.zeros(1, 2, dtype=torch.long)
    rows = torch.sparse_coo_tensor(places, torch.ones(2), (4,), check_invariants=False)
    kinds = {
        "parameters": [held_weights.Flat(inner), held_weights.Wrapper(inner)],
        "views": inner[50:],
        "sparse": rows,
        "none": [torch.empty(9, device="meta"), torch.empty(0)],
    }
    assert bytes_by_kind(kinds) == {"parameters": 400, "views": 0, "sparse": 24, "none": 0}


def test_a_copy_on_write_is_not_copied_by_looking() -> None:
    first = torch.ones(100)
    copy = torch._lazy_clone(first)
    assert storage_bytes([first, copy]) == 400
    assert torch._C._is_cow_tensor(copy)
