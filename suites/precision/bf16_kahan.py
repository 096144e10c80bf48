"""Pure BF16 with Kahan summation: what a weight lost to rounding is kept, and added next time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bench import Setting, variant
from suites.precision.narrow_adamw import NarrowAdamW
from suites.precision.policy import Policy, expect_torchs
from suites.precision.problem import Training


@variant(marks=["beside"], computes_in=["bfloat16"])
def bf16_kahan(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep everything in bfloat16, and beside each weight what its last update lost.

    Zamirai et al. 2020 (arXiv:2010.06192), algorithm 1.
    """
    return _Kahan(
        problem, setting, storage=torch.bfloat16, compute=torch.bfloat16, compiled=compiled
    )


class _Kahan(Policy):
    def make_optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        expect_torchs(self.problem)
        return KahanAdamW(weights, self.problem.learning_rate)

    def formula_bytes(self) -> float:
        return super().formula_bytes() + self.storage.itemsize  # what was lost

    def weights(self) -> list[Tensor]:
        state = self.optimizer.state
        kept = [p for p in self.network.parameters() if p.requires_grad]
        return [p.detach().double() + state[p].get("lost", 0.0) for p in kept]


class KahanAdamW(NarrowAdamW):
    """AdamW that adds to every update what the last one lost."""

    def write(self, weight: Tensor, update: Tensor, state: dict[str, Any]) -> None:
        if "lost" not in state:
            state["lost"] = torch.zeros_like(weight)
        wanted = update.add_(state["lost"]).add_(weight)
        weight.copy_(wanted)
        state["lost"].copy_(wanted.sub_(weight))
