"""FlashAttention from its authors' own packages; torch ships the second of them, older, as SDPA."""

from collections.abc import Callable

from torch import Tensor

from bench import Setting, variant
from suites.attention.layouts import expect_head_dim, heads_last, reach
from suites.attention.problem import QKV, SoftmaxAttention
from suites.models.on_gpu import expect_gpu

MOST_HEAD_DIM = 256


@variant(marks=["gpu"], needs=["flash_attn"])
def flash_attn_2(problem: SoftmaxAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """FlashAttention-2, Dao 2023 (arXiv:2307.08691), of the package flash-attn.

    Queries (B, S, H, D); masks are aligned at the last query and key, a window is how many
    positions are seen on either side.
    """
    expect_gpu(setting, 8, 9, 10, 11, 12)
    expect_head_dim(problem, MOST_HEAD_DIM)
    from flash_attn.flash_attn_interface import flash_attn_func

    causal, window = problem.causal, reach(problem)

    def step(inputs: QKV) -> Tensor:
        out: Tensor = flash_attn_func(*heads_last(inputs), causal=causal, window_size=window)
        return out.transpose(1, 2)

    return step


@variant(marks=["gpu"], needs=["flash_attn_interface"])
def flash_attn_3(problem: SoftmaxAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """FlashAttention-3 for Hopper, Shah et al. 2024 (arXiv:2407.08608), of its authors' `hopper`.

    Layout, alignment and windows are FlashAttention-2's. Its first releases return the
    log-sum-exp beside the output.
    """
    expect_gpu(setting, 9)
    expect_head_dim(problem, MOST_HEAD_DIM)
    from flash_attn_interface import flash_attn_func

    causal, window = problem.causal, reach(problem)

    def step(inputs: QKV) -> Tensor:
        found = flash_attn_func(*heads_last(inputs), causal=causal, window_size=window)
        out: Tensor = found[0] if isinstance(found, tuple) else found
        return out.transpose(1, 2)

    return step
