"""A training step of a tiny perceptron: forward, backward, and gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from bench import Setting, variant
from bench.operator import Operands, Operator
from suites.yardsticks.drawn import normal
from suites.yardsticks.repeated import ASKED, repeated

RATE = 0.1


@dataclass(frozen=True)
class MlpStep(Operator):
    """W <- W - RATE dL/dW for L = mean((relu(X W1) W2 - Y)^2), `ASKED` times.

    Every step starts from the same weights, so that one does not depend on how many there were.
    Returns both new matrices, (2, dim, dim).
    """

    batch: int = 16
    dim: int = 32

    passes: ClassVar[tuple[str, ...]] = ("train",)
    clock: ClassVar[Literal["wall", "device"]] = "wall"
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        """Draw X, Y (batch, dim) and W1, W2 (dim, dim), the weights with variance 1 / dim."""
        examples, weights = (self.batch, self.dim), (self.dim, self.dim)
        *data, w1, w2 = normal(generator, setting, examples, examples, weights, weights)
        return (*data, w1 / self.dim**0.5, w2 / self.dim**0.5)

    def output_shape(self) -> tuple[int, ...]:
        return (2, self.dim, self.dim)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Write the gradients out, by the chain rule."""
        x, y, w1, w2 = (tensor.to(dtype) for tensor in operands.tensors)
        hidden = (x @ w1).relu()
        upstream = 2 * (hidden @ w2 - y) / y.numel()
        dw1 = x.T @ ((upstream @ w2.T) * (hidden > 0))
        return [torch.stack([w1 - RATE * dw1, w2 - RATE * (hidden.T @ upstream)])]

    def flops(self, setting: Setting) -> int:
        """Count the products: two forward, three backward (no input needs a gradient)."""
        return ASKED * 5 * 2 * self.batch * self.dim**2


@variant
def mlp_step(problem: MlpStep, *, times: int = ASKED) -> Callable[[Any], Tensor]:
    """Autograd's gradients; `times` is how often the step is really taken."""
    return repeated(_step, times)


def _step(tensors: tuple[Tensor, ...]) -> Tensor:
    x, y, *weights = tensors
    w1, w2 = (w.detach().requires_grad_() for w in weights)
    loss = ((x @ w1).relu() @ w2 - y).square().mean()
    gradients = torch.autograd.grad(loss, (w1, w2))
    return torch.stack([w - RATE * g for w, g in zip(weights, gradients, strict=True)])
