"""Pure FP16: AdamW divides by sqrt(v) + eps, and in float16 1e-8 is 0, and so are most v."""

import torch

from bench import Setting, variant
from suites.precision.half import expect_trainable
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(marks=["float16", "beside"], computes_in=["float16"])
def fp16_pure(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep weights, gradients and optimizer state in float16, and compute in it."""
    expect_trainable(problem, setting)
    return Policy(problem, setting, storage=torch.float16, compute=torch.float16, compiled=compiled)
