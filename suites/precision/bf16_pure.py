"""Pure BF16: nothing is kept in float32, so that small updates are rounded away."""

import torch

from bench import Setting, variant
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(computes_in=["bfloat16"])
def bf16_pure(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep weights, gradients and optimizer state in bfloat16, and compute in it."""
    return Policy(
        problem, setting, storage=torch.bfloat16, compute=torch.bfloat16, compiled=compiled
    )
