"""The optimizer that all strategies share: AdamW, beside 16-bit weights on float32 ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

# Every option of the optimizer is pinned, so that all strategies take the same step.
ADAMW: dict[str, Any] = {"lr": 1e-3, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
STEP_COUNTER_BYTES = 4  # AdamW keeps how many steps it took, once a tensor, in float32


class MasterAdamW(torch.optim.Optimizer):
    """AdamW on float32 copies of 16-bit weights, which are then rounded into the weights.

    Micikevicius et al. 2018, Mixed precision training (arXiv:1710.03740), section 3.1. A step makes
    float32 copies of the gradients, and drops them.
    """

    def __init__(self, params: Iterable[nn.Parameter], **options: Any):
        super().__init__(params, options)
        weights = [weight for group in self.param_groups for weight in group["params"]]
        self.masters = {weight: nn.Parameter(weight.detach().float()) for weight in weights}
        self.inner = torch.optim.AdamW(list(self.masters.values()), **options)
        self.state = self.inner.state

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for weight, master in self.masters.items():
            master.grad = None if weight.grad is None else weight.grad.float()
        self.inner.step()
        for weight, master in self.masters.items():
            weight.copy_(master)
            master.grad = None


def adamw(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Make the optimizer that fits the weights: of 16 bits they get float32 masters."""
    weights = list(parameters)
    narrow = any(weight.element_size() < 4 for weight in weights)
    return (MasterAdamW if narrow else torch.optim.AdamW)(weights, **ADAMW)


def held_by(optimizer: torch.optim.Optimizer) -> dict[str, list[Tensor]]:
    """List what an optimizer keeps, by kind: states, and float32 weights where it has its own."""
    states = state_tensors(optimizer)
    if not isinstance(optimizer, MasterAdamW):
        return {"optimizer_state": states}
    return {"master_weights": list(optimizer.masters.values()), "optimizer_state": states}


def state_tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """List the optimizer's own tensors: momentum, variance, step counters."""
    states = optimizer.state.values()
    return [local(v) for state in states for v in state.values() if isinstance(v, Tensor)]


def momenta(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """List the first moments that are kept here."""
    return [local(state["exp_avg"]) for state in optimizer.state.values()]


def local(tensor: Tensor) -> Tensor:
    """Return this rank's part of a distributed tensor, any other tensor as it is."""
    to_local = getattr(tensor, "to_local", None)
    return tensor if to_local is None else to_local()


def adam_bytes(num_elements: float, num_tensors: int) -> float:
    """Count momentum and variance in float32, and a step counter for every tensor."""
    return 8 * num_elements + STEP_COUNTER_BYTES * num_tensors


def updated_bytes(num_elements: float, num_tensors: int, mixed: bool) -> dict[str, float]:
    """Count what updating so many elements keeps: in mixed precision float32 weights too."""
    own = {"master_weights": 4.0 * num_elements} if mixed else {}
    return {**own, "optimizer_state": adam_bytes(num_elements, num_tensors)}
