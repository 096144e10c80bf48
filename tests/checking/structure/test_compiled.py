"""What torch.compile made of a step: graphs and fused kernels, and where it gave up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.checking.structure.compiled import Compiling, _kernels_in, cached_work
from bench.checking.structure.differences import differences
from bench.checking.structure.recording import record
from bench.checking.structure.structure import Structure

# what Inductor imports warns of its own use of torch.jit
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

A, B = torch.randn(8, 8), torch.randn(8, 8)

SOURCE = """
cpp_fused_made_0 = async_compile.cpp_pybinding([...])
async_compile.wait(globals())
def call(self, args):
        extern_kernels.mm(a, b, out=buf0)
        cpp_fused_add_relu_0(buf0)
        triton_poi_fused_mul_1.run(buf0, 64, stream=stream0)
        cpp_fused_add_relu_0(buf1)
"""


def test_kernels_are_named_by_the_calls_of_a_graph() -> None:
    """Those of a GPU are called otherwise, and what stands above is their making."""
    assert _kernels_in(SOURCE) == (
        "cpp_fused_add_relu_0",
        "triton_poi_fused_mul_1",
        "cpp_fused_add_relu_0",
    )
    assert _kernels_in("nothing like it") == ()


@pytest.fixture
def fresh() -> Iterator[None]:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    torch._dynamo.convert_frame.FRAME_COMPILE_COUNTER.clear()
    yield
    torch._dynamo.reset()


def fused(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b).relu() + 1


def broken(a: Tensor, b: Tensor) -> Tensor:
    product = a @ b
    torch._dynamo.graph_break()
    return product.relu() + 1


def seen(step: Callable[..., Any]) -> Structure:
    torch._dynamo.utils.counters.clear()
    torch._dynamo.convert_frame.FRAME_COMPILE_COUNTER.clear()
    step(A, B)
    return record(lambda: step(A, B), Compiling.so_far(), False)


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_a_compiled_region_stays_compiled_and_is_seen() -> None:
    compiled = seen(torch.compile(fused, dynamic=False))
    assert "cache" in cached_work()
    assert (compiled.graphs, compiled.kernels) == (1, {"cpp_fused_add_relu_0": 1})
    assert compiled.operators == {"mm float32": 1}
    told = "; ".join(differences(compiled, seen(fused)))
    assert told.startswith("compiled → eager: 1 compiled graph became 0")
    assert "1 fused kernel became 0" in told


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_a_graph_break_is_seen() -> None:
    whole, parts = (seen(torch.compile(step, dynamic=False)) for step in (fused, broken))
    told = "; ".join(differences(whole, parts))
    assert "1 compiled graph became 2" in told
    assert "+1 graph break (Call to `torch._dynamo.graph_break()`" in told


@pytest.mark.slow
@pytest.mark.usefixtures("fresh")
def test_a_recompilation_is_seen() -> None:
    step = torch.compile(lambda a, n: a * n, backend="eager", dynamic=False)
    step(A, 1)
    first = Compiling.so_far()
    step(A, 2)
    assert Compiling.so_far().recompilations == first.recompilations + 1
