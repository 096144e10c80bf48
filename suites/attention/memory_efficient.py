"""xformers' memory-efficient attention: it takes the fastest of its kernels for what is asked."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.attention.layouts import heads_last
from suites.attention.problem import QKV, SoftmaxAttention
from suites.models.on_gpu import UP_TO_FLOAT32, expect_gpu


@variant(marks=["gpu"], needs=["xformers"])
def xformers(problem: SoftmaxAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """Self-attention without n^2 memory, Rabe and Staats 2021 (arXiv:2112.05682), of xformers.

    Queries (B, S, H, D); heads that share keys are a dimension of their own, (B, S, K, G, D), in
    which keys are expanded and not copied. That is for forward passes alone.
    """
    expect_gpu(setting, dtypes=UP_TO_FLOAT32)
    group = problem.num_heads // problem.kv_heads
    if group > 1 and setting.backward:
        raise Unsupported("has no backward pass for heads that share keys")
    from xformers.ops import memory_efficient_attention

    bias = _bias(problem)
    shared = (problem.kv_heads, group)

    def step(inputs: QKV) -> Tensor:
        q, k, v = heads_last(inputs)
        if group > 1:
            q = q.unflatten(2, shared)
            k, v = (x.unsqueeze(3).expand(-1, -1, -1, group, -1) for x in (k, v))
        try:
            out: Tensor = memory_efficient_attention(q, k, v, attn_bias=bias)
        except NotImplementedError as error:
            raise Unsupported(f"xformers has no kernel for it here: {error}") from error
        return (out.flatten(2, 3) if group > 1 else out).transpose(1, 2)

    return step


def _bias(problem: SoftmaxAttention) -> Any:
    """Return the mask by what xformers calls it; None where everything is seen."""
    from xformers.ops.fmha import attn_bias as masks

    if problem.window is not None and problem.causal:
        return masks.LowerTriangularFromBottomRightMask().make_local_attention(problem.window)
    if problem.window is not None:
        reach = problem.window - 1  # its own position is not counted
        return masks.LocalAttentionFromBottomRightMask(window_left=reach, window_right=reach)
    return masks.LowerTriangularFromBottomRightMask() if problem.causal else None
