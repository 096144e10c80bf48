"""FlexAttention: mask and score as functions of positions, compiled into one kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench import Setting, Unsupported, variant
from bench.compilation import Compiled
from suites.attention.problem import QKV, Attention

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask


@variant(compiles=True)
def flex(problem: Attention, *, setting: Setting) -> Compiled:
    """torch.nn.attention.flex_attention with a BlockMask; Dong et al. 2024 (arXiv:2412.05496)."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    if setting.device.type == "cpu" and setting.backward:
        raise Unsupported("flex_attention has no backward pass on CPU")
    shift = problem.keys - problem.seqlen_q

    def visible(b: Tensor, h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return problem.sees(query + shift, key)

    def scored(logits: Tensor, b: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return problem.score(logits.float(), head, query + shift, key)

    block_mask = (
        create_block_mask(
            visible, None, None, problem.seqlen_q, problem.keys, device=str(setting.device)
        )
        if problem.masked
        else None
    )
    grouped = problem.num_heads != problem.kv_heads

    def attend(q: Tensor, k: Tensor, v: Tensor, block_mask: BlockMask | None) -> Tensor:
        q, k = problem.prepared(q, k)
        score_mod = scored if problem.scored else None
        output: Tensor = flex_attention(
            q, k, v, score_mod=score_mod, block_mask=block_mask, enable_gqa=grouped
        )
        return output

    compiled = torch.compile(attend, fullgraph=True, dynamic=False)

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        return compiled(q, k, v, block_mask)

    return Compiled(step)
