"""Full precision: IEEE float32 throughout."""

from bench import Setting, variant
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(computes_in=["float32"])
def fp32(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep and compute everything in float32, without tensor cores."""
    return Policy(problem, setting, compiled=compiled)
