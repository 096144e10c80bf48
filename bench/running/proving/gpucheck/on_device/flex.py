"""The first call of flex_attention in a process, compiled, on a causal mask."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import torch
import torch.utils._triton
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention

from bench.cases.variant import Unsupported

SHAPE = (2, 4, 1024, 64)  # batch, heads, seqlen, head_dim


def first_call(device: str) -> dict[str, float]:
    """Return its seconds, compilation included, and its relative L2 error."""
    there = torch.device(device)
    if there.type == "cuda" and not torch.utils._triton.has_triton():
        raise Unsupported("torch.compile needs triton here, and finds none that it can use")
    generator = torch.Generator(there).manual_seed(0)
    q, k, v = torch.randn(
        (3, *SHAPE), generator=generator, dtype=torch.bfloat16, device=there
    ).unbind()
    mask = create_block_mask(_causal, None, None, SHAPE[2], SHAPE[2], device=device)
    compiled = torch.compile(flex_attention)
    started = perf_counter()
    with torch.no_grad():
        out = compiled(q, k, v, block_mask=mask)
    error = _error(out, q, k, v)  # waits
    return {"seconds": perf_counter() - started, "error": error}


def _causal(_batch: Any, _head: Any, query: Tensor, key: Tensor) -> Tensor:
    return query >= key


def _error(out: Tensor, q: Tensor, k: Tensor, v: Tensor) -> float:
    exact = scaled_dot_product_attention(q.double(), k.double(), v.double(), is_causal=True)
    return float((out.double() - exact).norm() / exact.norm())
