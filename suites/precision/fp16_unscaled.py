"""FP16 mixed precision without loss scaling: small gradients underflow to 0."""

import torch

from bench import Setting, variant
from suites.precision.half import expect_trainable
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(marks=["float16"], computes_in=["float16"])
def fp16_unscaled(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Compute products in float16 with the loss as it is; weights and state in float32."""
    expect_trainable(problem, setting)
    return Policy(problem, setting, compute=torch.float16, compiled=compiled)
