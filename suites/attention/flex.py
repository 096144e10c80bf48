"""FlexAttention: the mask as a function of positions, compiled into one kernel with its blocks."""

import torch
from torch import Tensor

from bench import Setting, Unsupported, variant
from bench.compilation import Compiled
from suites.attention.problem import QKV, SoftmaxAttention


@variant(compiles=True)
def flex(problem: SoftmaxAttention, *, setting: Setting) -> Compiled:
    """torch.nn.attention.flex_attention with a BlockMask; Dong et al. 2024 (arXiv:2412.05496)."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    if setting.device.type == "cpu" and setting.backward:
        raise Unsupported("flex_attention has no backward pass on CPU")
    shift = problem.keys - problem.seqlen_q

    def visible(b: Tensor, h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return problem.sees(query + shift, key)

    block_mask = (
        create_block_mask(
            visible, None, None, problem.seqlen_q, problem.keys, device=str(setting.device)
        )
        if problem.masked
        else None
    )
    compiled = torch.compile(flex_attention, fullgraph=True, dynamic=False)
    grouped = problem.num_heads != problem.kv_heads

    def step(inputs: QKV) -> Tensor:
        output: Tensor = compiled(*inputs, block_mask=block_mask, enable_gqa=grouped)
        return output

    return Compiled(step)
