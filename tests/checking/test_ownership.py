"""Nothing is written to what is not an output, and what was not written is found all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.checking.module import ModuleProblem, eager
from bench.checking.ownership import aliases, ours_alone
from suites.faults.problem import Double
from tests.attempted import Row, row

Step = Callable[[tuple[Tensor, ...]], Tensor]
PROBLEM = Double(64)


def attempt(make: Callable[[], Step], pass_: str = "fwd") -> Row:
    return row(PROBLEM, lambda problem, setting: make(), pass_=pass_)


def preallocated() -> Step:
    out = torch.empty(PROBLEM.n)
    return lambda inputs: torch.mul(inputs[0], 2, out=out)


def graph_like() -> Step:
    """Replay into static memory, as a CUDA graph does."""
    static_input, static_output = torch.empty(PROBLEM.n), torch.empty(PROBLEM.n)

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        static_input.copy_(inputs[0])
        torch.mul(static_input, 2, out=static_output)
        return static_output

    return step


def ring() -> Step:
    buffers, calls = [torch.empty(PROBLEM.n) for _ in range(3)], iter(range(1 << 40))
    return lambda inputs: torch.mul(inputs[0], 2, out=buffers[next(calls) % 3])


def numpy_memory() -> Step:
    out = np.empty(PROBLEM.n, np.float32)

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        np.multiply(inputs[0].numpy(), 2, out=out)
        return torch.from_numpy(out)

    return step


def view_of_larger() -> Step:
    """Keep a scale beside the output, in the same memory."""
    memory = torch.full((PROBLEM.n + 1,), 2.0)
    return lambda inputs: torch.mul(inputs[0], memory[0], out=memory[1:])


def inference_mode() -> Step:
    @torch.inference_mode()
    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        return inputs[0] * 2

    return step


def expanded() -> Step:
    return lambda inputs: (inputs[0] * 2)[None].expand(3, -1)[1]


HONEST = [preallocated, graph_like, ring, numpy_memory, view_of_larger, inference_mode, expanded]


@pytest.mark.parametrize("make", HONEST)
def test_an_honest_step_may_keep_its_output(make: Callable[[], Step]) -> None:
    assert attempt(make).outcome == "ok"


def test_a_buffer_that_every_call_writes_is_poisoned_when_timed() -> None:
    found = attempt(graph_like)
    assert found.checked is not None
    assert found.checked.rewritten == [0]


def remembers_by_address() -> Step:
    known: dict[int, Tensor] = {}

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        x = inputs[0]
        if x.data_ptr() not in known:
            known[x.data_ptr()] = x * 2
        return known[x.data_ptr()]

    return step


def remembers_by_value() -> Step:
    known: list[tuple[Tensor, Tensor]] = []

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        for seen, result in known:
            if torch.equal(seen, inputs[0]):
                return result
        known.append((inputs[0].clone(), inputs[0] * 2))
        return known[-1][1]

    return step


def remembers_the_first() -> Step:
    known: list[Tensor] = []

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        known.append(inputs[0] * 2)
        return known[0]

    return step


def stops_writing(honest_calls: int = 12) -> Step:
    """Compute into a buffer of each input for as long as the check looks."""
    buffers: dict[int, Tensor] = {}
    calls = 0

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        nonlocal calls
        calls += 1
        out = buffers.setdefault(inputs[0].data_ptr(), torch.empty(PROBLEM.n))
        return torch.mul(inputs[0], 2, out=out) if calls <= honest_calls else out

    return step


KEPT = [remembers_by_address, remembers_by_value, remembers_the_first, stops_writing]


@pytest.mark.parametrize("make", KEPT)
def test_a_result_that_was_kept_is_incorrect(make: Callable[[], Step]) -> None:
    assert attempt(make).outcome == "incorrect"


def test_what_is_written_in_part_is_not_judged() -> None:
    def make() -> Step:
        buffers: dict[int, Tensor] = {}

        def step(inputs: tuple[Tensor, ...]) -> Tensor:
            x = inputs[0]
            if x.data_ptr() not in buffers:
                buffers[x.data_ptr()] = x * 2
            out = buffers[x.data_ptr()]
            torch.mul(x[:8], 2, out=out[:8])
            return out

        return step

    found = attempt(make)
    assert found.outcome == "unsupported"
    assert "output shares memory with what the step keeps" in found.detail


@dataclass(frozen=True)
class Positions(ModuleProblem):
    """A module that hands out a slice of its table, its weight, its input, and one tensor twice."""

    rows: int = 5

    def module(self) -> nn.Module:
        return _Positions()

    def example(self) -> tuple[Tensor, ...]:
        return (torch.randn(self.rows, 8),)


class _Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 8)
        self.register_buffer("table", torch.randn(32, 8))
        self.plain = torch.arange(32.0)

    def forward(self, x: Tensor) -> tuple[Any, ...]:
        hidden = self.mix(x)
        rows = self.table[: len(x)]
        return hidden + rows, rows, self.plain[:3].to(x.dtype), self.mix.weight, x, (hidden, hidden)


@pytest.mark.parametrize("pass_", ["fwd", "fwd_bwd"])
def test_weights_and_tables_are_bit_equal_after_an_attempt(pass_: str) -> None:
    networks: list[Any] = []

    def build(problem: Any, setting: Any) -> Any:
        step = eager(problem, setting=setting)
        networks.append(step.network)
        return step

    problem = Positions()
    assert row(problem, build, pass_=pass_).outcome == "ok"
    assert len(networks) == 2  # of the check, and of the time
    expected = eager(problem, setting=_setting(pass_)).network
    for network in networks:
        torch.testing.assert_close(network.state_dict(), expected.state_dict(), rtol=0, atol=0)
        assert torch.equal(network.plain, expected.plain)


def _setting(pass_: str) -> Any:
    from bench import Setting

    return Setting(torch.float32, torch.device("cpu"), pass_)


def test_every_way_to_hold_an_output_is_seen() -> None:
    x = torch.randn(4)
    held: list[Any] = []

    def out_of(keep: Callable[[Tensor], Any]) -> list[bool]:
        made = x * 2
        held.append(keep(made))
        kept = aliases((made,))
        del made
        return ours_alone(list(kept), x)

    assert out_of(lambda t: None) == [True]
    assert out_of(lambda t: t) == [False]
    assert out_of(lambda t: t[1:]) == [False]
    assert out_of(lambda t: t.untyped_storage()) == [False]
    assert out_of(lambda t: t.numpy()) == [False]
    assert out_of(lambda t: nn.Parameter(t)) == [False]
    assert ours_alone([x.detach()], x) == [False]
    one, two = torch.ones(4).chunk(2)
    both = aliases(((one, two),))[0]
    del one, two
    assert ours_alone(both, x) == [True, True]
    assert ours_alone(both[:1], x) == [False]


def test_nothing_is_ours_where_torch_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch._C, "_storage_Use_Count")
    assert ours_alone([torch.ones(3)], ()) == [False]
    assert attempt(preallocated).outcome == "ok"
    assert attempt(lambda: lambda inputs: inputs[0] * 2).outcome == "ok"
