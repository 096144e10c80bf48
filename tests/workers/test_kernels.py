"""What computes on a GPU is judged by kernels alone, and only where the profiler sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from torch.autograd import DeviceType

from bench.cases.case import Case
from bench.checking.computing import computing
from bench.workers.roles.kernels import kernels_among
from bench.workers.roles.operators import judged
from bench.workers.roles.result import Result

SPIN = "at::cuda::(anonymous namespace)::spin_kernel(long)"
GEMM = "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize128x128x64"
CASE = Case("s", "v", "m", "P", {"n": 1}, device="cuda:0", flops=100)


@dataclass(frozen=True)
class Event:
    """What kineto tells of one event; starts in the order of writing."""

    says: str
    on_device: bool = True
    at: int = 0

    def name(self) -> str:
        return self.says

    def device_type(self) -> object:
        return DeviceType.CUDA if self.on_device else DeviceType.CPU

    def start_ns(self) -> int:
        return self.at


@dataclass(frozen=True)
class FakeContest:
    case: Case = CASE


def verdict(events: list[Event]) -> Result:
    kernels = kernels_among(events)
    assert kernels is not None
    return judged(Result([], {}), FakeContest(), kernels)  # type: ignore[arg-type]


OF_THE_HOST = [Event("aten::mm", on_device=False), Event("cudaLaunchKernel", on_device=False)]
OF_CUPTI = [
    Event("Activity Buffer Request"),
    Event("Command Buffer Full"),
    Event("CUPTI Overhead"),
    Event("Lazy Function Loading"),
    Event("Runtime Triggered Module Loading"),
    Event("Instrumentation"),
    Event("Resource"),
]


@pytest.mark.parametrize("launched", [[], [Event("Memcpy DtoD (Device -> Device)")]])
def test_a_step_that_remembers_its_answer_is_impossible(launched: list[Event]) -> None:
    """Operators of the host and overhead of the profiler are no kernels."""
    found = verdict([Event(SPIN), *OF_THE_HOST, *OF_CUPTI, *launched])
    assert found.flags == ["impossible"]


def test_one_kernel_that_computes_is_enough() -> None:
    found = verdict([*OF_CUPTI, Event(SPIN), Event(GEMM)])
    assert found.flags == []
    assert found.labels["operators"].startswith("sm90_xmma")


def test_a_step_may_spin_itself() -> None:
    assert kernels_among([Event(SPIN, at=1), Event(SPIN, at=2)]) == [SPIN]
    assert computing([SPIN]) == [SPIN]


def test_where_not_even_the_canary_is_seen_nothing_is_said() -> None:
    assert kernels_among([*OF_THE_HOST, *OF_CUPTI]) is None
    assert kernels_among([]) is None


def test_kernels_are_named_in_the_order_in_which_they_ran() -> None:
    events = [Event("b", at=3), Event(SPIN, at=1), replace(Event("a"), at=2)]
    assert kernels_among(events) == ["a", "b"]
