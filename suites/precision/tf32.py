"""TF32: float32 with 10 bits of mantissa in the products of NVIDIA's tensor cores."""

import torch

from bench import Setting, Unsupported, variant
from suites.precision.policy import Policy
from suites.precision.problem import Training


@variant(computes_in=["bfloat16"])  # TF32 has no ceiling of its own: at most that of 16 bits
def tf32(problem: Training, *, setting: Setting, compiled: bool | None = None) -> Policy:
    """Keep everything in float32, round the factors of products to TF32."""
    if setting.device.type != "cuda" or torch.cuda.get_device_capability(setting.device) < (8, 0):
        raise Unsupported("TF32 is a format of NVIDIA GPUs since Ampere")
    return Policy(problem, setting, products="tf32", compiled=compiled)
