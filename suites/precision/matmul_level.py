"""torch.set_float32_matmul_precision: how precisely float32's products are computed.

Set by torch's newer switches, one for each backend and operator; a level is what they are set to.
"""

from __future__ import annotations

import torch

from bench import Setting, Unsupported, variant
from bench.workload import Products, float32_products
from suites.precision.policy import Policy
from suites.precision.problem import Training

LEVELS: dict[str, Products] = {"high": "tf32", "medium": "bf16"}
SIZE = 512  # of the products that tell: smaller ones may be computed by another library
ROUNDED = 1e-5  # relative: float32's own products err less, those of 11 bits or fewer more


@variant(marks=["beside"], computes_in=["bfloat16"])
def matmul_level(
    problem: Training, *, setting: Setting, level: str = "medium", compiled: bool | None = None
) -> Policy:
    """Keep everything in float32, compute its products as a level of torch allows."""
    if level not in LEVELS:
        raise ValueError(f"expected level {' or '.join(LEVELS)}, got {level!r}")
    if setting.device.type == "cuda" and level == "medium":
        raise Unsupported("CUDA computes level medium as level high")
    _expect_rounded(level, setting.device)
    return Policy(problem, setting, products=LEVELS[level], compiled=compiled)


def _expect_rounded(level: str, device: torch.device) -> None:
    """Raise Unsupported where the level is allowed and nothing is rounded."""
    factors = torch.randn(2, SIZE, SIZE, generator=torch.Generator().manual_seed(0)).to(device)
    with float32_products(LEVELS[level]):
        rounded = factors[0] @ factors[1]
    exact = factors[0].double() @ factors[1].double()
    if float((rounded - exact).norm() / exact.norm()) < ROUNDED:
        raise Unsupported(f"level {level} computes float32's products in float32 on this device")
