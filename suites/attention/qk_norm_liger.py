"""QK-norm whose norms are Liger's Triton kernel, before the attention that torch picks."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.attention.problem import QKV
from suites.attention.qk_norm import EPS, QKNormAttention
from suites.models.on_gpu import UP_TO_FLOAT32, expect_gpu


@variant(marks=["gpu", "variation"], needs=["liger_kernel"])
def liger_norms(problem: QKNormAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """RMSNorm as one kernel, Hsu et al. 2024 (arXiv:2410.10989), section 3.2, without gains."""
    if problem.masked and not problem.plain_causal:
        raise Unsupported("needs the mask that torch's operator knows: none, or causal on a square")
    expect_gpu(setting, dtypes=UP_TO_FLOAT32)
    from liger_kernel.transformers.functional import liger_rms_norm

    causal, grouped = problem.plain_causal, problem.group > 1

    def step(inputs: QKV) -> Tensor:
        q, k = (liger_rms_norm(x, None, EPS, casting_mode="gemma") for x in inputs[:2])
        return F.scaled_dot_product_attention(
            q, k, inputs.v_BKSD, is_causal=causal, enable_gqa=grouped
        )

    return step
