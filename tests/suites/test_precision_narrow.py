"""Weights of 16 bits: what rounding loses of small updates, and the ways to keep it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from suites.precision.bf16_kahan import KahanAdamW
from suites.precision.bf16_stochastic import StochasticAdamW, stochastically
from suites.precision.narrow_adamw import NarrowAdamW
from suites.precision.policy import adamw

STEPS, RATE = 200, 1e-4


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def moved(make: object, dtype: torch.dtype = torch.bfloat16, size: float = 1.0) -> Tensor:
    """Return how far weights of a size move under one constant gradient, in float64."""
    weight = torch.nn.Parameter(torch.full((500,), size, dtype=dtype))
    optimizer = make([weight])
    for _ in range(STEPS):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    lost = optimizer.state[weight].get("lost", torch.zeros(()))
    return (weight.detach().double() + lost.double()) - size


@pytest.mark.parametrize("size", [0.5, 1.0, 3.0])
def test_small_updates_are_lost_by_rounding_and_kept_by_chance_or_by_kahan(size: float) -> None:
    exact = moved(lambda w: adamw(w, RATE), torch.float64, size).mean()
    nearest = moved(lambda w: adamw(w, RATE), size=size)
    stochastic = moved(lambda w: StochasticAdamW(w, RATE, chance()), size=size)
    kahan = moved(lambda w: KahanAdamW(w, RATE), size=size)
    assert not nearest.any()  # each is less than half a place
    assert float(stochastic.mean()) == pytest.approx(float(exact), rel=0.05)
    assert float(kahan.mean()) == pytest.approx(float(exact), rel=0.05)


@pytest.mark.parametrize("narrow", [KahanAdamW, lambda w, lr: StochasticAdamW(w, lr, chance())])
def test_in_float32_they_are_torchs_adamw(narrow: object) -> None:
    """Hold moments, bias correction and decay to torch's, where nothing is rounded away."""
    generator = chance(1)
    first = torch.randn(40, generator=generator)
    weights = [torch.nn.Parameter(first.clone()) for _ in range(2)]
    optimizers = [adamw([weights[0]], 1e-2), narrow([weights[1]], 1e-2)]
    if isinstance(optimizers[1], StochasticAdamW):
        optimizers[1].write = lambda w, update, state: w.add_(update)
    for _ in range(20):
        grad = torch.randn(40, generator=generator)
        for weight, optimizer in zip(weights, optimizers, strict=True):
            weight.grad = grad.clone()
            optimizer.step()
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-5, atol=1e-6)
    assert isinstance(optimizers[1], NarrowAdamW)


@pytest.mark.parametrize("value", [1.0 + 1 / 512, -1.0 - 1 / 1024, 3e-5, 0.1, -7.7e20])
def test_stochastic_rounding_is_right_on_average_and_near_every_time(value: float) -> None:
    many = stochastically(torch.full((20_000,), value), chance()).double()
    exact = float(torch.tensor(value, dtype=torch.float32))
    place = 2.0 ** torch.tensor(abs(exact)).double().log2().floor() * 2**-7
    assert float((many - exact).abs().max()) < place
    assert float((many.mean() - exact).abs()) < 4 * place / 2 / 20_000**0.5


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5, 2.0**-120])
def test_what_bfloat16_has_is_not_moved(value: float) -> None:
    assert stochastically(torch.full((100,), value), chance()).unique().tolist() == [value]
