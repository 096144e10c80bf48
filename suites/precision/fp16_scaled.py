"""FP16 mixed precision with dynamic loss scaling: Micikevicius et al. 2018 (arXiv:1710.03740)."""

import torch

from bench import Setting, variant
from suites.precision.half import expect_trainable
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(marks=["float16"], computes_in=["float16"])
def fp16_scaled(
    problem: Training,
    *,
    setting: Setting,
    growth_interval: int | None = None,
    compiled: bool | None = None,
) -> Policy:
    """Compute products in float16 under torch's GradScaler; weights and state in float32."""
    expect_trainable(problem, setting)
    return Policy(
        problem,
        setting,
        compute=torch.float16,
        scaled=True,
        compiled=compiled,
        growth_interval=growth_interval,
    )
