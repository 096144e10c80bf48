"""What kernels of other libraries ask for before they are imported: a GPU, and 16-bit numbers."""

import torch

from bench import Setting, Unsupported
from suites.attention.problem import QKV, SoftmaxAttention

HALVES = (torch.float16, torch.bfloat16)


def expect_gpu(
    setting: Setting,
    *generations: int,
    dtypes: tuple[torch.dtype, ...] = HALVES,
) -> None:
    """Raise `Unsupported` without a GPU of one of these major generations, or in another dtype."""
    if setting.device.type != "cuda":
        raise Unsupported(f"needs a CUDA device, got {setting.device.type}")
    major = torch.cuda.get_device_capability(setting.device)[0]
    if generations and major not in generations:
        known = " or ".join(f"{generation}.x" for generation in generations)
        raise Unsupported(f"needs compute capability {known}, got {major}.x")
    if setting.dtype not in dtypes:
        known = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        raise Unsupported(f"needs {known}, got {str(setting.dtype).removeprefix('torch.')}")


def expect_head_dim(problem: SoftmaxAttention, most: int) -> None:
    if problem.head_dim > most:
        raise Unsupported(f"needs head_dim of at most {most}, got {problem.head_dim}")


def reach(problem: SoftmaxAttention) -> tuple[int, int]:
    """Return how many positions beside its own a query sees, left and right; -1 for all."""
    if problem.window is None:
        return -1, -1
    left = problem.window - 1
    return left, 0 if problem.causal else left


def heads_last(inputs: QKV) -> QKV:
    """Return views (B, S, H, D) of queries, keys and values: nothing is copied."""
    return QKV(*(x.transpose(1, 2) for x in inputs))
