"""8-bit optimizer state: Dettmers et al. 2022 (arXiv:2110.02861), as torchao has it."""

from __future__ import annotations

import torch
from torch import Tensor

from bench import Setting, variant
from suites.precision.policy import BETAS, EPS, WEIGHT_DECAY, Policy, expect_torchs
from suites.precision.problem import Training

BLOCK = 256  # of elements that share a scale; a tensor below 4096 elements is left in float32


@variant(compiles=True, marks=["beside", "torchao"], computes_in=["float32"], needs=["torchao"])
def adamw_8bit(problem: Training, *, setting: Setting) -> Policy:
    """Keep AdamW's moments in 8 bits with a scale a block; everything else is float32's."""
    return _EightBits(problem, setting)


class _EightBits(Policy):
    def formula_bytes(self) -> float:
        return 2 * self.storage.itemsize + 2 * (1 + 4 / BLOCK)  # moments, and a scale a block

    def make_optimizer(self, weights: list[Tensor]) -> torch.optim.Optimizer:
        expect_torchs(self.problem)
        from torchao.optim import AdamW8bit

        return AdamW8bit(
            weights,
            lr=self.problem.learning_rate,
            betas=BETAS,
            eps=EPS,
            weight_decay=WEIGHT_DECAY,
        )
