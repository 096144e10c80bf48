"""First weights: the same wherever they are drawn, and drawn once beside a GPU."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode

from suites.models import drawn
from suites.models.drawn import first_weights
from suites.models.gpt import GPT, INIT_STD, GPTConfig, gpt

GPU, CPU = torch.device("cuda:0"), torch.device("cpu")


@dataclass(frozen=True)
class Counted:
    size: int = 3
    seeds: list[int] = field(default_factory=list, compare=False)

    def network(self, seed: int) -> nn.Linear:
        self.seeds.append(seed)
        return nn.Linear(self.size, self.size)


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "_kept", {})


def test_beside_a_gpu_they_are_drawn_once_and_nobody_shares_them() -> None:
    problem = Counted()
    first, again = first_weights(problem, 5, GPU), first_weights(problem, 5, GPU)
    assert problem.seeds == [5]
    assert torch.equal(first.weight, again.weight)
    with torch.no_grad():
        first.weight.zero_()
    assert again.weight.abs().sum() > 0
    assert first_weights(problem, 5, GPU).weight.abs().sum() > 0
    first_weights(problem, 6, GPU)
    assert problem.seeds == [5, 6]


def test_on_a_cpu_no_copy_is_kept_in_the_memory_that_is_measured() -> None:
    problem = Counted()
    first_weights(problem, 5, CPU)
    first_weights(problem, 5, CPU)
    assert problem.seeds == [5, 5]
    assert not drawn._kept


def test_what_stands_in_for_weights_belongs_to_its_trace() -> None:
    for _ in range(2):
        with FakeTensorMode():
            assert first_weights(Counted(), 5, GPU).weight.shape == (3, 3)
    assert not drawn._kept


def test_a_gpts_weights_are_a_function_of_the_seed() -> None:
    config = GPTConfig(num_layers=2, num_heads=2, dim=32, seqlen=16)
    found, again = gpt(config, 3), gpt(config, 3)
    plain = GPT(config)
    generator = torch.Generator().manual_seed(3)
    for (name, weight), other in zip(found.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(weight, other)
        if weight.dim() > 1:
            ends = name.endswith(("projection.weight", "down.weight"))
            std = INIT_STD / math.sqrt(4) if ends else INIT_STD
            expected = torch.empty_like(weight).normal_(0, std, generator=generator)
            assert torch.equal(weight.detach(), expected)
        else:
            assert set(weight.tolist()) <= {0.0, 1.0}
    assert [tuple(p.shape) for p in found.parameters()] == [
        tuple(p.shape) for p in plain.parameters()
    ]
    assert not any(p.is_meta for p in found.parameters())
    assert not list(found.buffers())
