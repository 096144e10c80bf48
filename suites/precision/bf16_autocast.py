"""BF16 mixed precision: Kalamkar et al. 2019 (arXiv:1905.12322)."""

import torch

from bench import Setting, variant
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(computes_in=["bfloat16"])
def bf16_autocast(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep weights and state in float32, compute products in bfloat16; no loss scaling."""
    return Policy(problem, setting, compute=torch.bfloat16, compiled=compiled)
