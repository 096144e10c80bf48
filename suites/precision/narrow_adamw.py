"""AdamW over weights of 16 bits: computed in float32, and written back in a way that is to be told.

Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2; the moments are kept in the weights'
type.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from suites.precision.policy import BETAS, EPS, WEIGHT_DECAY


class NarrowAdamW(torch.optim.Optimizer):
    """Subclass with `write`: how a float32 result becomes a weight of 16 bits."""

    def __init__(self, weights: Iterable[Tensor], learning_rate: float):
        super().__init__(weights, {"lr": learning_rate})

    @abstractmethod
    def write(self, weight: Tensor, update: Tensor, state: dict[str, Any]) -> None:
        """Add a float32 update to a weight."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self.write(weight, self._update(weight, group["lr"]), self.state[weight])

    def _update(self, weight: Tensor, learning_rate: float) -> Tensor:
        """Return what AdamW adds to a weight, in float32."""
        state, grad = self.state[weight], weight.grad.float()  # type: ignore[union-attr]
        if not state:
            state |= {"step": 0, "exp_avg": torch.zeros_like(weight)}
            state["exp_avg_sq"] = torch.zeros_like(weight)
        state["step"] += 1
        mean = state["exp_avg"].float().lerp(grad, 1 - BETAS[0])
        square = state["exp_avg_sq"].float().lerp(grad.square(), 1 - BETAS[1])
        state["exp_avg"].copy_(mean)
        state["exp_avg_sq"].copy_(square)
        mean /= 1 - BETAS[0] ** state["step"]
        square /= 1 - BETAS[1] ** state["step"]
        moved = mean.div_(square.sqrt_().add_(EPS))
        return moved.add_(weight.float(), alpha=WEIGHT_DECAY).mul_(-learning_rate)
