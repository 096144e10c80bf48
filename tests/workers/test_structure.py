"""The memory role leaves what one call did: the same in every process, beside what it measures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Case
from bench.checking.structure.structure import Structure
from bench.sides.server import Server
from bench.store.structures import structure_of

MODULE = """
from dataclasses import dataclass
import torch
from bench import variant
from bench.operator import Operator

@dataclass(frozen=True)
class Doubled(Operator):
    n: int = 64
    input_names = ("x",)
    def draw(self, generator, setting):
        return (torch.randn(self.n, self.n, generator=generator),)
    def output_shape(self):
        return (self.n, self.n)
    def reference(self, operands, dtype):
        return [2 * operands.tensors[0].to(dtype)]

@variant
def plain(problem: Doubled):
    return lambda inputs: inputs[0] * 2

@variant
def unwatchable(problem: Doubled):
    from torch.utils._python_dispatch import _get_current_dispatch_mode
    def step(inputs):
        if _get_current_dispatch_mode() is not None:
            raise RuntimeError("not while anybody looks")
        return inputs[0] * 2
    return step

class Counting:
    def __init__(self):
        self.reset()
    def reset(self):
        self.calls = 0
    def step(self, inputs):
        self.calls += 1
        x = inputs[0]
        for _ in range(self.calls):
            x = x + x / self.calls
        return x * 1

@variant
def grows(problem: Doubled):
    return Counting()
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "doubled.py"
    path.write_text(MODULE)
    return path


def memory(server: Server, module: Path, variant: str, **more: Any) -> dict[str, Any]:
    case = Case("doubled", variant, str(module), "Doubled", {"n": 64}, **more)
    log = str(module.with_suffix(".txt"))
    reply = server.attempt({"case": asdict(case), "role": "memory", "timeout_s": 60, "log": log})
    assert reply["outcome"] == "ok", reply
    return reply


def structure(reply: dict[str, Any]) -> Structure:
    found = structure_of(reply["structure"])
    assert found is not None
    return found


def test_it_is_the_same_in_every_process(server: Server, module: Path) -> None:
    first, again = (structure(memory(server, module, "plain")) for _ in range(2))
    assert first == again
    assert first.operators == {"mul float32": 1}
    assert first.allocations  # beside the result, numbers as tensors
    assert 0 <= (first.allocated_bytes or 0) - 64 * 64 * 4 < 64
    assert structure(memory(server, module, "plain", threads=2)) == first


def test_a_backward_pass_is_part_of_it(server: Server, module: Path) -> None:
    found = structure(memory(server, module, "plain", pass_="fwd_bwd"))
    assert "MulBackward0" in found.nodes


def test_what_cannot_be_watched_is_measured_all_the_same(server: Server, module: Path) -> None:
    reply = memory(server, module, "unwatchable")
    assert reply["structure"] is None
    assert reply["labels"]["structure_not_seen"] == "RuntimeError: not while anybody looks"
    assert "peak" in {m["quantity"] for m in reply["measurements"]}


def test_the_call_is_that_which_is_measured_however_often_it_was_called(
    server: Server, module: Path
) -> None:
    found = structure(memory(server, module, "grows"))
    assert found.operators["add float32"] == 1
