"""BF16 with FP32 master weights: Micikevicius et al. 2018 (arXiv:1710.03740), section 3.1."""

from __future__ import annotations

import torch
from torch import Tensor

from bench import Setting, variant
from suites.models.drawn import first_weights
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(marks=["beside"], computes_in=["bfloat16"])
def bf16_masters(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep weights and gradients in bfloat16 and compute in it; update float32 copies of them."""
    return _Masters(
        problem, setting, storage=torch.bfloat16, compute=torch.bfloat16, compiled=compiled
    )


class _Masters(Policy):
    masters: list[Tensor]

    def reset(self, seed: int = 0) -> None:
        first = first_weights(self.problem, seed, self.setting.device)
        self.masters = [p.detach().to(self.setting.device) for p in first.parameters()]
        super().reset(seed)

    def make_optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        return super().make_optimizer(self.masters)

    @torch.no_grad()
    def update(self) -> None:
        pairs = list(zip(self.masters, self.network.parameters(), strict=True))
        for master, weight in pairs:
            master.grad = None if weight.grad is None else weight.grad.float()
        super().update()
        for master, weight in pairs:
            weight.copy_(master)
            weight.grad = None

    def weights(self) -> list[Tensor]:
        pairs = zip(self.masters, self.network.parameters(), strict=True)
        return [master.double() for master, weight in pairs if weight.requires_grad]

    def formula_bytes(self) -> float:
        return 2 * self.storage.itemsize + 3 * 4  # masters, and their moments

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        kinds = super().tensors_by_kind()
        return {**kinds, "optimizer_state": [*self.masters, *kinds["optimizer_state"]]}
