"""Linear attention by flash-linear-attention's Triton kernels."""

from collections.abc import Callable

from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.attention.layouts import heads_last
from suites.attention.problem import QKV, LinearAttention, phi
from suites.models.on_gpu import expect_gpu


@variant(marks=["causal", "gpu", "variation"], needs=["fla"])
def linear_fla(problem: LinearAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """Chunked causal linear attention, Yang et al. 2023 (arXiv:2312.06635), section 3.

    Features (B, S, H, D) are made outside of the kernel; its normaliser is kept in their dtype, and
    its scale of 1 / sqrt(D) divides out.
    """
    if not problem.causal:
        raise Unsupported("needs causal attention; linear is the non-causal form")
    expect_gpu(setting)
    from fla.ops.linear_attn import chunk_linear_attn

    def step(inputs: QKV) -> Tensor:
        q, k, v = heads_last(inputs)
        out: Tensor = chunk_linear_attn(phi(q), phi(k), v, normalize=True)[0]
        return out.transpose(1, 2)

    return step
