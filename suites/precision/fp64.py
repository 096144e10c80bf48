"""Double precision: IEEE float64 throughout."""

import torch

from bench import Setting, variant
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(marks=["beside"], computes_in=["float64"])
def fp64(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep and compute everything in float64."""
    return Policy(problem, setting, storage=torch.float64, compute=torch.float64, compiled=compiled)
