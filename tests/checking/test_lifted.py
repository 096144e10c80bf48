"""The float64 reference of a module is float64, whatever types the module names inside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import mpmath
import torch
from torch import Tensor, nn

from bench import Setting
from bench.checking.lifted import lifted
from bench.module import ModuleProblem


class Careless(nn.Module):
    """Tables that are no buffers, casts and factories in float32, a softmax that asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4) + 0.5)
        self.table = torch.rand(4)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.to(torch.float32)
        normed = (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).type_as(x)
        angles = torch.arange(4, dtype=torch.float32) / 3 + self.table
        turned = normed * self.weight * angles.cos().to(x.dtype)
        scores = nn.functional.softmax(turned, dim=-1, dtype=torch.float32).to(x.dtype)
        total = torch.zeros(4, dtype=torch.float32)
        total += scores.float().sum(0)
        return scores @ self.table.type_as(scores) + total.half()


@dataclass(frozen=True)
class Problem(ModuleProblem):
    def module(self) -> nn.Module:
        return Careless()

    def example(self) -> tuple[Tensor, ...]:
        return (torch.randn(4, 4),)


def exactly(network: Careless, x: Tensor) -> list[mpmath.mpf]:
    """Compute the same with 40 digits."""
    mpmath.mp.dps = 40
    weight, table = (
        [mpmath.mpf(float(v)) for v in t.detach()] for t in (network.weight, network.table)
    )
    scores = []
    for row in x:
        values = [mpmath.mpf(float(v)) for v in row]
        scale = 1 / mpmath.sqrt(sum(v * v for v in values) / 4 + mpmath.mpf("1e-6"))
        angles = [mpmath.mpf(j) / 3 + table[j] for j in range(4)]
        turned = [
            v * scale * w * mpmath.cos(a) for v, w, a in zip(values, weight, angles, strict=True)
        ]
        total = sum(mpmath.exp(t) for t in turned)
        scores.append([mpmath.exp(t) / total for t in turned])
    columns = [sum(row[j] for row in scores) for j in range(4)]
    return [
        sum(p * t for p, t in zip(scores[i], table, strict=True)) + columns[i] for i in range(4)
    ]


def test_the_reference_is_exact_to_float64() -> None:
    problem, setting = Problem(), Setting(torch.float32, torch.device("cpu"))
    operands = problem.make_inputs(0, setting)
    (found,) = problem.reference(operands, torch.float64)
    network = problem.build(setting)
    assert isinstance(network, Careless)
    truth = exactly(network, operands.tensors[0])
    assert found.dtype == torch.float64
    assert max(abs(mpmath.mpf(float(a)) - b) for a, b in zip(found, truth, strict=True)) < 1e-14


def test_without_lifting_it_would_not_be() -> None:
    problem, setting = Problem(), Setting(torch.float32, torch.device("cpu"))
    operands = problem.make_inputs(0, setting)
    network = problem.build(setting).double()
    (found,) = problem.reference(operands, torch.float64)
    with torch.no_grad():
        careless = network(operands.tensors[0].double())
    assert float((careless - found).abs().max()) > 1e-6


def test_gradients_are_exact_too() -> None:
    """Central differences with 40 digits: of one input, and of one weight."""
    problem, setting = Problem(), Setting(torch.float32, torch.device("cpu"), "fwd_bwd")
    operands = problem.make_inputs(0, setting)
    _, dx, dparameters = problem.reference(operands, torch.float64)
    network = problem.build(setting)
    assert isinstance(network, Careless)
    x = operands.tensors[0].detach().double()
    upstream = [mpmath.mpf(float(v)) for v in operands.grad_output]

    def loss(moved: float) -> mpmath.mpf:
        shifted = x.clone()
        shifted[1, 2] += moved
        return sum(u * y for u, y in zip(upstream, exactly(network, shifted), strict=True))

    step = 2.0**-20
    assert math.isclose(
        float((loss(step) - loss(-step)) / (2 * step)), float(dx[1, 2]), rel_tol=1e-9
    )
    assert dparameters.shape == (4,)


def test_the_default_type_is_restored_after_an_error() -> None:
    try:
        with lifted():
            assert torch.get_default_dtype() == torch.float64
            raise KeyError
    except KeyError:
        pass
    assert torch.get_default_dtype() == torch.float32
    assert torch.ones(1).to(torch.float16).dtype == torch.float16


def test_nudged_operands_move_by_roundings_and_carry_weights() -> None:
    problem, setting = Problem(), Setting(torch.bfloat16, torch.device("cpu"), "fwd_bwd")
    operands = problem.make_inputs(0, setting)
    moved = problem.nudged(operands, torch.Generator().manual_seed(1))
    (y,) = moved.tensors
    assert y.requires_grad
    assert moved.leaves[0] is y
    x, y = operands.tensors[0].detach(), y.detach()
    assert 0 < float(((y - x).abs() / x.abs()).max()) <= 5 * torch.finfo(torch.bfloat16).eps
    assert moved.weights is not None
    assert moved.weights["weight"].dtype == torch.bfloat16
    for dtype in (torch.float64, torch.bfloat16):
        ours, theirs = problem.reference(operands, dtype), problem.reference(moved, dtype)
        assert all(a.shape == b.shape for a, b in zip(ours, theirs, strict=True))
        assert not torch.equal(ours[0], theirs[0])


def test_grouped_products_have_a_float64_form() -> None:
    rows, matrices = torch.randn(7, 4), torch.randn(3, 4, 5)
    offs = torch.tensor([2, 2, 6], dtype=torch.int32)
    with lifted():
        found = torch.nn.functional.grouped_mm(rows, matrices, offs=offs)
    wide = [m.double() for m in matrices]
    expected = torch.cat([rows[:2].double() @ wide[0], rows[2:6].double() @ wide[2]])
    torch.testing.assert_close(found[:6], expected, rtol=0, atol=0)
