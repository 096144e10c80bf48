"""Full precision: IEEE float32 throughout."""

from bench import Setting, variant
from bench.workload import set_float32_products
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(sets=["precision"])
def fp32(problem: Training, *, setting: Setting) -> Policy:
    """Keep and compute everything in float32, without tensor cores."""
    set_float32_products("ieee")
    return Policy(problem, setting)
