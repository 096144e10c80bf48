"""References taken in pieces of a batch are those of the whole batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from suites.distributed import agreement
from suites.distributed.problem import DataParallelTraining
from suites.precision import pieces
from suites.precision.problem import GPTTraining, UNetTraining

GPT = GPTTraining(batch=5, seqlen=16, num_layers=2, num_heads=2, dim=32)
UNET = UNetTraining(batch=5, channels=16)


def passed(problem: Any, network: nn.Module) -> tuple[torch.Tensor, list[Any]]:
    batch = tuple(t.double() if t.is_floating_point() else t for t in problem.draw(3))
    weights = list(network.parameters())
    return pieces.forward_backward(problem, network, batch, weights)


@pytest.mark.parametrize("problem", [GPT, UNET], ids=["gpt", "unet"])
@pytest.mark.parametrize("elements", [1, 2 * 64, 10**9])
def test_a_policys_reference(problem: Any, elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = problem.network(0).double()
    monkeypatch.setattr(pieces, "PIECE_ELEMENTS", 10**9)
    output, gradients = passed(problem, network)
    monkeypatch.setattr(pieces, "PIECE_ELEMENTS", elements)
    again, by_pieces = passed(problem, network)
    torch.testing.assert_close(again.detach(), output.detach(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(by_pieces, gradients, rtol=1e-8, atol=1e-12)


def test_a_weight_that_is_not_used_has_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    network = GPT.network(0).double()
    network.spare = nn.Parameter(torch.ones(3, dtype=torch.float64))
    for elements in (1, 10**9):
        monkeypatch.setattr(pieces, "PIECE_ELEMENTS", elements)
        _, gradients = passed(GPT, network)
        unused = [p for p, g in zip(network.parameters(), gradients, strict=True) if g is None]
        assert [len(p) for p in unused] == [3]


def test_rows_that_depend_on_each_other_are_not_taken_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []

    class Counted(GPTTraining):
        rows_apart = False

        def output(self, network: nn.Module, batch: Any) -> torch.Tensor:
            calls.append(len(batch[0]))
            return super().output(network, batch)

    monkeypatch.setattr(pieces, "PIECE_ELEMENTS", 1)
    problem = Counted(batch=5, seqlen=16, num_layers=1, num_heads=2, dim=16)
    passed(problem, problem.network(0).double())
    assert calls == [5]


@pytest.mark.parametrize("tokens", [1, 40, 10**9])
def test_the_reference_of_several_ranks(tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = DataParallelTraining(batch=5, seqlen=16, num_layers=1, num_heads=2, dim=32)
    whole = problem.network(0).double()
    batch = problem.global_batch(7, torch.device("cpu"))
    monkeypatch.setattr(agreement, "PIECE_TOKENS", 10**9)
    loss = agreement._accumulate(problem, whole, batch, torch.float64)
    apart = problem.network(0).double()
    monkeypatch.setattr(agreement, "PIECE_TOKENS", tokens)
    assert agreement._accumulate(problem, apart, batch, torch.float64) == pytest.approx(
        loss, rel=1e-12
    )
    for one, other in zip(apart.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-8, atol=1e-12)
