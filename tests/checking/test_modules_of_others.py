"""Modules of transformers and diffusers: `ok`, or a reason that is true."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.cases.variant import Variant
from bench.selecting.discover import load_module, variants_of
from tests.attempted import row

FILE = str(Path(__file__).parents[1] / "data" / "modules_of_others.py")
FOUND = [
    pytest.param(variant, id=f"{variant.problem_type.__name__}-{variant.name}")
    for variant in variants_of(load_module(FILE))
]
EAGER = [param for param in FOUND if param.values[0].name == "eager"]
COMPILED = [param for param in FOUND if param.values[0].name == "compiled"]
EACH_TIME = {"Gpt2Block", "Llama", "MambaMixer", "Dit", "Gru"}
IN_BFLOAT16 = {"Gpt2Block", "Sd3Block", "Gru"}

pytestmark = [
    # what these libraries, or torch on their behalf, warn of is not ours to mend
    pytest.mark.filterwarnings("default"),
]


def attempt(variant: Variant, pass_: str, dtype: str = "float32") -> None:
    torch.manual_seed(0)
    found = row(variant.problem_type(), variant.function, dtype, pass_)
    assert found.outcome == "ok", found.detail
    assert found.checked is not None
    assert "out" in found.errors
    assert (pass_ == "fwd_bwd") == ("dparameters" in found.errors)
    assert "graph_breaks" not in found.checked.labels or variant.name == "compiled"


def test_there_are_enough_of_them() -> None:
    assert len(EAGER) >= 12
    assert len(EAGER) == len(COMPILED)


@pytest.mark.parametrize("variant", [p for p in EAGER if p.id.split("-")[0] in EACH_TIME])
def test_eager(variant: Variant) -> None:
    attempt(variant, "fwd_bwd")


@pytest.mark.slow
@pytest.mark.parametrize("variant", [p for p in EAGER if p.id.split("-")[0] not in EACH_TIME])
def test_others_eager(variant: Variant) -> None:
    attempt(variant, "fwd_bwd")


@pytest.mark.slow
@pytest.mark.parametrize("variant", EAGER)
def test_eager_forward(variant: Variant) -> None:
    attempt(variant, "fwd")


@pytest.mark.parametrize("variant", [p for p in EAGER if p.id.split("-")[0] in IN_BFLOAT16])
def test_eager_in_bfloat16(variant: Variant) -> None:
    attempt(variant, "fwd_bwd", "bfloat16")


@pytest.mark.slow
@pytest.mark.parametrize("variant", COMPILED)
@pytest.mark.parametrize("pass_", ["fwd", "fwd_bwd"])
def test_compiled(variant: Variant, pass_: str) -> None:
    torch._dynamo.reset()  # a worker compiles for one case alone
    found = row(variant.problem_type(), variant.function, "float32", pass_)
    if variant.problem_type.__name__ == "Gru":  # torch runs its kernels as they are
        assert found.outcome == "unsupported"
        assert "promised torch.compile" in found.detail
        return
    assert found.outcome == "ok", found.detail
