"""Pure BF16 with stochastic rounding: updates too small to be seen add up on average."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from bench import Setting, variant
from suites.precision.narrow_adamw import NarrowAdamW
from suites.precision.policy import Policy, expect_torchs
from suites.precision.problem import Training

BELOW = (1 << 16) - 1  # what bfloat16 leaves out of float32


@variant(marks=["beside"], computes_in=["bfloat16"])
def bf16_stochastic(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep everything in bfloat16; round a weight up or down by chance, in proportion.

    Zamirai et al. 2020 (arXiv:2010.06192), section 3.1.
    """
    return _Stochastic(
        problem, setting, storage=torch.bfloat16, compute=torch.bfloat16, compiled=compiled
    )


class _Stochastic(Policy):
    def reset(self, seed: int = 0) -> None:
        self.chance = torch.Generator(self.setting.device).manual_seed(seed)
        super().reset(seed)

    def make_optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        expect_torchs(self.problem)
        return StochasticAdamW(weights, self.problem.learning_rate, self.chance)


class StochasticAdamW(NarrowAdamW):
    """AdamW that writes its weights by stochastic rounding."""

    def __init__(self, weights: Iterable[Tensor], learning_rate: float, chance: torch.Generator):
        super().__init__(weights, learning_rate)
        self.chance = chance

    def write(self, weight: Tensor, update: Tensor, state: dict[str, Any]) -> None:
        weight.copy_(stochastically(update.add_(weight), self.chance))


def stochastically(wide: Tensor, chance: torch.Generator) -> Tensor:
    """Round float32 to one of the two nearest bfloat16, the nearer the likelier; changes `wide`.

    A random number below the last kept bit is added, and the bits there are cut off.
    """
    bits = wide.view(torch.int32)
    noise = torch.randint(
        BELOW + 1, bits.shape, generator=chance, device=bits.device, dtype=torch.int32
    )
    return bits.add_(noise).bitwise_and_(~BELOW).view(torch.float32).to(torch.bfloat16)
