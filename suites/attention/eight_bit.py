"""SageAttention: queries and keys rounded to eight bits before their product."""

from collections.abc import Callable

from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.attention.layouts import expect_head_dim
from suites.attention.problem import QKV, SoftmaxAttention
from suites.models.on_gpu import expect_gpu


@variant(marks=["gpu"], needs=["sageattention"])
def sage(problem: SoftmaxAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """SageAttention, Zhang et al. 2024 (arXiv:2410.02367), algorithm 1, of sageattention.

    Eight bits are fewer than the dtype's that is asked: where its error is beyond the budget of
    16-bit attention the row says so, and by how much.
    """
    if problem.window is not None:
        raise Unsupported("has no window")
    if problem.causal and not problem.plain_causal:
        raise Unsupported("aligns a causal mask for as many queries as keys alone")
    if setting.backward:
        raise Unsupported("has no backward pass")
    expect_gpu(setting, 8, 9, 12)
    expect_head_dim(problem, 128)
    from sageattention import sageattn

    def step(inputs: QKV) -> Tensor:
        out: Tensor = sageattn(*inputs, tensor_layout="HND", is_causal=problem.causal)
        return out

    return step
