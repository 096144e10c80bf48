"""What one call does is seen as it is: operators, what the host waits for, copies, collectives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from bench.checking.structure.compiled import Compiling
from bench.checking.structure.differences import differences
from bench.checking.structure.recording import nodes_among, record
from bench.checking.structure.structure import Structure
from tests.conftest import ROOT

A, B = torch.randn(8, 8), torch.randn(8, 8)
Q = torch.randn(2, 4, 16, 8)


def seen(call: Callable[[], Any], differentiates: bool = False) -> Structure:
    call()
    return record(call, Compiling.so_far(), differentiates)


def told(base: Callable[[], Any], new: Callable[[], Any]) -> str:
    return "; ".join(differences(seen(base), seen(new)))


def attend(backend: SDPBackend) -> Callable[[], Tensor]:
    def call() -> Tensor:
        with sdpa_kernel(backend):
            return torch.nn.functional.scaled_dot_product_attention(Q, Q, Q)

    return call


def test_a_product_is_counted_with_its_flops_and_bytes() -> None:
    found = seen(lambda: A @ B)
    assert found.operators == {"mm float32": 1}
    assert found.heavy == {"mm float32 8×8 8×8": 1}
    assert (found.flops, found.bytes_read, found.bytes_written) == (2 * 8**3, 2 * 256, 256)


def test_views_and_empty_memory_move_nothing_and_expansions_once() -> None:
    found = seen(lambda: torch.empty(64).view(8, 8).t())
    assert found.bytes_read == found.bytes_written == 0
    assert seen(lambda: A[:1].expand(8, 8) + 1).bytes_read == 8 * 4


def test_what_is_written_in_place_is_read_and_written_once() -> None:
    target = torch.zeros(8, 8)
    assert _moved(lambda: target.add_(A)) == (512, 256)
    assert _moved(lambda: target.copy_(A)) == (256, 256)
    assert _moved(lambda: torch.add(A, B, out=target)) == (512, 256)


def _moved(call: Callable[[], Any]) -> tuple[int, int]:
    found = seen(call)
    return found.bytes_read, found.bytes_written


@pytest.mark.parametrize(
    ("base", "new", "expected"),
    [
        (lambda: A * 2, lambda: A * 2 + 1, "1 operator became 2: +1 add float32"),
        (
            lambda: A @ B,
            lambda: A.bfloat16() @ B.bfloat16(),
            "bfloat16 where float32 was (mm); +2 copies within cpu a call (+512 bytes)",
        ),
        (
            lambda: A.sum(),
            lambda: A.sum().item(),
            "+1 read by the host a call (_local_scalar_dense)",
        ),
        (lambda: A * 2, lambda: (A * 2)[A > 0], "+1 read by the host a call (index)"),
        (
            lambda: A + 1,
            lambda: A.masked_fill(torch.ones(8, 8).tril() == 0, 0.0) + 1,
            "+1 tril float32",
        ),
        (attend(SDPBackend.FLASH_ATTENTION), attend(SDPBackend.MATH), "attention: flash → math"),
        (
            lambda: A @ B[:, :2],
            lambda: A @ B[:, :4],
            "other heavy operators: +1 mm float32 8×8 8×4",
        ),
        (lambda: (A + 1, A * 2), lambda: (A * 2, A + 1), "the same operators in another order"),
    ],
)
def test_a_change_is_told_in_words(
    base: Callable[[], Any], new: Callable[[], Any], expected: str
) -> None:
    assert expected in told(base, new)
    assert told(base, base) == told(new, new) == ""


def test_attention_on_a_cpu_has_flops() -> None:
    assert seen(attend(SDPBackend.FLASH_ATTENTION)).flops == 2 * 2 * 2 * 4 * 16 * 16 * 8


def test_autograd_is_counted_by_node() -> None:
    weight = torch.randn(8, 8, requires_grad=True)
    found = seen(lambda: (A @ weight).sum().backward(), differentiates=True)
    assert found.nodes == {"SumBackward0": 1, "MmBackward0": 1, "AccumulateGrad": 1}
    assert nodes_among(["aten::mm", "MmBackward0"]) == {}


def test_inference_is_taken_apart_as_it_runs() -> None:
    """There nobody has taken a composite operator apart before the mode sees it."""
    with torch.inference_mode():
        found = seen(lambda: torch.nn.functional.linear(A, B))
    assert "linear float32" not in found.operators
    assert found.flops == 2 * 8**3


@pytest.fixture
def alone_in_a_group() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone_in_a_group")
def test_a_collective_has_its_bytes() -> None:
    def reduced(times: int) -> Callable[[], None]:
        return lambda: [dist.all_reduce(A) for _ in range(times)] and None

    assert seen(reduced(1)).collectives == {"allreduce_ 256 bytes": 1}
    assert "1 collective became 2: +1 allreduce_ 256 bytes" in told(reduced(1), reduced(2))


def test_a_tensor_that_handles_operators_itself_is_let_to() -> None:
    class Wrapped(torch.Tensor):
        @staticmethod
        def __new__(cls, inner: Tensor) -> Wrapped:
            return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

        def __init__(self, inner: Tensor):
            self.inner = inner

        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            return Wrapped(func(*(a.inner if isinstance(a, Wrapped) else a for a in args)))

    wrapped = Wrapped(A)
    assert seen(lambda: wrapped * 2).operators == {"mul float32": 1}


def test_a_tensor_of_another_class_is_a_tensor() -> None:
    class Named(torch.Tensor):
        pass

    named = A.as_subclass(Named)
    assert seen(lambda: named.detach() * 2).operators == {"detach float32": 1, "mul float32": 1}


def test_a_step_that_fails_under_the_mode_says_so() -> None:
    def fails() -> None:
        raise RuntimeError("not twice")

    with pytest.raises(RuntimeError, match="not twice"):
        record(fails, Compiling.so_far(), False)
    assert seen(lambda: A + 1).operators == {"add float32": 1}  # and the mode is gone


def test_a_digest_names_equal_structures_alone() -> None:
    first, again, other = seen(lambda: A + 1), seen(lambda: A + 1), seen(lambda: A * 1)
    assert first.digest == again.digest != other.digest


def test_nobody_imports_a_compiler_to_watch() -> None:
    """It takes seconds, in every process; torch does it for a mode that does not refuse."""
    script = (
        "import sys, torch\n"
        "from bench.checking.structure.compiled import Compiling\n"
        "from bench.checking.structure.recording import record\n"
        "x = torch.ones(2)\n"
        "assert record(lambda: x + 1, Compiling.so_far(), True).operators\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
