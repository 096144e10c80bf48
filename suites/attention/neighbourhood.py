"""NATTEN's neighbourhood attention in one dimension: a sliding window, where it is causal."""

from collections.abc import Callable

from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.attention.layouts import heads_last
from suites.attention.problem import QKV, SoftmaxAttention
from suites.models.on_gpu import expect_gpu


@variant(marks=["gpu", "window"], needs=["natten"])
def natten(problem: SoftmaxAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """Fused neighbourhood attention, Hassani et al. 2024 (arXiv:2403.04690), of natten.

    Queries (B, S, H, D); a neighbourhood counts the query's own position. One that is not causal
    is as wide at the ends, where it is shifted inwards: another mask than a window's.
    """
    if problem.window is None or problem.window < 2 or not problem.causal:
        raise Unsupported("needs causal attention with a window of at least 2")
    expect_gpu(setting, 8, 9, 10, 11, 12)
    from natten import na1d

    window = problem.window

    def step(inputs: QKV) -> Tensor:
        try:
            out: Tensor = na1d(*heads_last(inputs), kernel_size=window, is_causal=True)
        except NotImplementedError as error:
            raise Unsupported(f"natten has no kernel for it here: {error}") from error
        return out.transpose(1, 2)

    return step
