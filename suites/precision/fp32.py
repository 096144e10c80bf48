"""Full precision: IEEE float32 throughout."""

from bench.float32 import set_float32_products
from bench.setting import Setting
from bench.variant import variant
from suites.precision.policy import Policy
from suites.precision.problems import Training


@variant(sets=["precision"])
def fp32(problem: Training, *, setting: Setting) -> Policy:
    """Keep and compute everything in float32, without tensor cores."""
    set_float32_products("ieee")
    return Policy(problem, setting)
