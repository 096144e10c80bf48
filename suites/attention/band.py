"""A causal band of keys in dense products: blocks of `window`, each behind the one before it."""

import torch
from torch import Tensor


def with_previous(x_BHSD: Tensor, window: int) -> Tensor:
    """Return each block of `window` positions behind the block before it: (B, H, N, 2W, D)."""
    blocks = x_BHSD.unflatten(2, (-1, window))
    previous = torch.cat([torch.zeros_like(blocks[:, :, :1]), blocks[:, :, :-1]], 2)
    return torch.cat([previous, blocks], 3)


def hidden_in_band(window: int, num_blocks: int, device: torch.device) -> Tensor:
    """Return what of (N, W, 2W) lies later, `window` or more before, or before the beginning."""
    query = torch.arange(window, device=device)[:, None] + window
    key = torch.arange(2 * window, device=device)
    distance = query - key
    hidden = ((distance < 0) | (distance >= window)).repeat(num_blocks, 1, 1)
    hidden[0] |= key < window
    return hidden
