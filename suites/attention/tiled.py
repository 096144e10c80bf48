"""FlashAttention's idea in readable torch: tiles of K and V, a running maximum, a running sum."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench import Setting, variant
from suites.attention.problem import QKV, Attention

_LOWEST = -1e30  # stands for the maximum of a row that has seen no key yet


@variant(marks=["broad"])
def tiled(problem: Attention, *, setting: Setting, block: int = 256) -> Callable[[QKV], Tensor]:
    """Online softmax over tiles: Milakov and Gimelshein 2018 (arXiv:1805.02867), Dao 2022, alg. 1.

    No S x S tensor exists in the forward pass. Running maximum, sum and output are float32.
    """
    hidden, skipped = _tile_masks(problem, block, setting.device)
    head, query, key = problem.places(setting.device)
    queries, keys, scored = query.split(block), key.split(block), problem.scored
    shared = (problem.kv_heads, problem.group)

    def attend(q: Tensor, row: int, k_tiles: list[Tensor], v_tiles: list[Tensor]) -> Tensor:
        highest = q.new_full((*q.shape[:-1], 1), -torch.inf, dtype=torch.float32)
        total = torch.zeros_like(highest)
        out = torch.zeros_like(q, dtype=torch.float32)
        for column, (k, v) in enumerate(zip(k_tiles, v_tiles, strict=True)):
            if (row, column) in skipped:
                continue
            logits = _by_head(_by_group(q, shared) @ k.transpose(-2, -1), shared).float()
            if scored:
                logits = problem.score(logits, head, queries[row], keys[column])
            if (row, column) in hidden:
                logits = logits.masked_fill(hidden[row, column], -torch.inf)
            peak = torch.maximum(highest, logits.amax(-1, keepdim=True))
            p = torch.exp(logits - peak.clamp_min(_LOWEST))
            decay = torch.exp(highest - peak.clamp_min(_LOWEST))
            total = total * decay + p.sum(-1, keepdim=True)
            out = out * decay + _by_head(_by_group(p.to(v.dtype), shared) @ v, shared).float()
            highest = peak
        return (out / total).to(q.dtype)

    def step(inputs: QKV) -> Tensor:
        q, k = problem.prepared(inputs.q_BHSD, inputs.k_BKSD)
        k_tiles, v_tiles = list(k.split(block, -2)), list(inputs.v_BKSD.split(block, -2))
        rows = (q * problem.head_dim**-0.5).split(block, -2)
        return torch.cat([attend(r, i, k_tiles, v_tiles) for i, r in enumerate(rows)], -2)

    return step


def _by_group(x: Tensor, shared: tuple[int, int]) -> Tensor:
    """Make heads that share keys the rows of one product: (B, H, R, X) to (B, K, H / K x R, X)."""
    return x.unflatten(1, shared).flatten(2, 3) if shared[1] > 1 else x


def _by_head(x: Tensor, shared: tuple[int, int]) -> Tensor:
    """Undo it."""
    return x.unflatten(2, (shared[1], -1)).flatten(1, 2) if shared[1] > 1 else x


def _tile_masks(
    problem: Attention, block: int, device: torch.device
) -> tuple[dict[tuple[int, int], Tensor], set[tuple[int, int]]]:
    """Return what is hidden in tiles that are partly visible, and the tiles that are not at all."""
    hidden: dict[tuple[int, int], Tensor] = {}
    skipped: set[tuple[int, int]] = set()
    if not problem.masked:
        return hidden, skipped
    for row, start in enumerate(range(0, problem.seqlen_q, block)):
        mask = ~problem.mask(device, slice(start, start + block))
        for column, tile in enumerate(mask.split(block, -1)):
            if bool(tile.all()):
                skipped.add((row, column))
            elif bool(tile.any()):
                hidden[row, column] = tile.contiguous()
    return hidden, skipped
