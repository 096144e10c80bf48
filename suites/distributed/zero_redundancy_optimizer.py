"""ZeRO stage 1 as torch has it: DDP, and an optimizer that each rank runs for its own parameters.

Whole parameters are dealt out, so ranks are only about even; and gradients are still all-reduced
before updated parameters are broadcast: 3 Psi elements a step where the paper needs 2 Psi.
"""

from __future__ import annotations

import torch
from torch import nn

from bench import Setting, variant
from suites.distributed.adam import ADAMW, adamw, updated_bytes
from suites.distributed.ddp import replicated
from suites.distributed.problem import Training
from suites.distributed.strategy import Strategy
from suites.distributed.theory import Layout


class OwnerUpdates(Strategy):
    """torch's ZeroRedundancyOptimizer over DDP."""

    stage = 1

    def wrap(self, network: nn.Module) -> None:
        from torch.distributed.optim import ZeroRedundancyOptimizer

        self.network = replicated(network)
        parameters = list(network.parameters())
        self.optimizer = ZeroRedundancyOptimizer(
            parameters, optimizer_class=type(adamw(parameters[:1])), **ADAMW
        )

    @property
    def updater(self) -> torch.optim.Optimizer:
        own: torch.optim.Optimizer = self.optimizer.optim  # type: ignore[attr-defined]
        return own

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        whole = layout.itemsize * layout.num_parameters
        own = owned_sizes(layout)
        return {
            "parameters": whole,
            "gradients": whole,
            **updated_bytes(sum(own), len(own), layout.mixed),
        }

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        return {"all_reduce": layout.num_parameters, "broadcast": layout.num_parameters}

    @staticmethod
    def unevenness(layout: Layout) -> float:
        return max(sum(owned_sizes(layout)) - layout.num_parameters / layout.ranks, 0.0)


def owned_sizes(layout: Layout) -> list[int]:
    """Deal parameters out, largest first, to whoever has least; return this rank's."""
    owned: list[list[int]] = [[] for _ in range(layout.ranks)]
    for size in sorted(layout.sizes, reverse=True):
        min(owned, key=sum).append(size)
    return owned[layout.rank]


@variant
def zero_redundancy_optimizer(problem: Training, *, setting: Setting) -> OwnerUpdates:
    """Replicate parameters and gradients, partition the optimizer by whole parameters."""
    return OwnerUpdates(problem, setting)
