"""A choice among classes with a gradient. Shapes: N rows, K classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Plain, Setting, variant
from bench.operator import Operands, Operator
from suites.operators.drawn import expect_positive, normal

LEAST = 1e-12  # of an even draw, whose logarithm is finite
CLEAR = 0.01  # the winner's lead at least: no choice is left to rounding


class Choice(NamedTuple):
    """Logits (N, K), and Gumbel noise, drawn before so that every contestant gets the same."""

    logits_NK: Tensor
    noise_NK: Tensor


@dataclass(frozen=True)
class GumbelSoftmax(Operator):
    """one_hot(argmax(x + g)) forward, the gradient of softmax((x + g) / tau) backward.

    Jang et al. 2017 (arXiv:1611.01144), eq. 1-2 and section 2.2 (straight-through). The winner is
    given a lead of `CLEAR`: a tie would be decided by rounding.
    """

    rows: int = 2048
    classes: int = 512
    tau: float = 1.0

    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = ({"rows": 33, "classes": 17, "tau": 0.5},)
    input_names: ClassVar[tuple[str, ...]] = ("logits", "noise")

    def __post_init__(self) -> None:
        expect_positive(self, "rows", "classes")
        if self.tau <= 0:
            raise ValueError(f"expected tau above 0, got {self.tau}")

    def output_shape(self) -> tuple[int, ...]:
        return (self.rows, self.classes)

    def draw(self, generator: torch.Generator, setting: Setting) -> Choice:
        logits = normal(generator, setting, self.rows, self.classes)
        even = torch.rand(
            logits.shape, generator=generator, dtype=torch.float64, device=setting.device
        )
        noise = -(-even.clamp_min(LEAST).log()).log().to(setting.dtype)
        winner = (logits + noise).argmax(-1, keepdim=True)
        return Choice(logits, noise.scatter_add(-1, winner, torch.full_like(noise[:, :1], CLEAR)))

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Choose, and write the softmax's gradient out: s (g - sum(g s)) / tau."""
        x = operands.tensors.logits_NK.detach().to(dtype) + operands.tensors.noise_NK.detach().to(
            dtype
        )
        hard = F.one_hot(x.argmax(-1), self.classes).to(dtype)
        if operands.grad_output is None:
            return [hard]
        soft, grad = (x / self.tau).softmax(-1), operands.grad_output.to(dtype)
        through = soft * (grad - (grad * soft).sum(-1, keepdim=True)) / self.tau
        return [hard, through, through]

    def bytes_moved(self, setting: Setting) -> int:
        elements = self.rows * self.classes * (6 if setting.backward else 3)
        return elements * setting.dtype.itemsize


@variant
def straight_through(problem: GumbelSoftmax) -> Callable[[Choice], Tensor]:
    """Hard - stop(soft) + soft, as the trick is mostly written."""

    def step(inputs: Choice) -> Tensor:
        soft = ((inputs.logits_NK + inputs.noise_NK) / problem.tau).softmax(-1)
        hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
        return hard - soft.detach() + soft

    return step


@variant
def own_gradient(problem: GumbelSoftmax) -> Callable[[Choice], Tensor]:
    """An autograd function that keeps the softmax alone, and makes it only where it is needed."""
    return lambda inputs: StraightThrough.apply(*inputs, problem.tau)  # type: ignore[no-untyped-call]


class StraightThrough(torch.autograd.Function):
    """The choice forward, the softmax's gradient backward."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, noise: Tensor, tau: float) -> Tensor:
        told = logits + noise
        if any(ctx.needs_input_grad):
            ctx.tau = tau
            ctx.save_for_backward((told / tau).softmax(-1))
        return torch.zeros_like(told).scatter_(-1, told.argmax(-1, keepdim=True), 1.0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (soft,) = ctx.saved_tensors
        through = torch._softmax_backward_data(grads[0], soft, -1, soft.dtype) / ctx.tau
        return through, through, None
