"""Peak memory on CPU counts what is alive during a call: inputs, weights, masks, buffers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from bench.case import Case
from bench.side import Server

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


def peak(server: Server, case: Case, tmp_path: Path) -> float:
    reply = server.attempt(
        {
            "case": asdict(case),
            "role": "memory",
            "timeout_s": 120,
            "log": str(tmp_path / "log.txt"),
        }
    )
    assert reply["outcome"] == "ok", reply
    return {m["quantity"]: m["samples"][0] for m in reply["measurements"]}["peak"]


@pytest.mark.parametrize("variant", ["eager", "compiled"])
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
