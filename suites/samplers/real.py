"""Real images as one side of a comparison: disjoint halves of a finite set."""

from __future__ import annotations

import torch
from torch import Tensor


def disjoint_halves(images: Tensor, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
    """Shuffle by seed and return two sets without a common image: at most half of all each."""
    count = min(num_images, len(images) // 2)
    if count < 2:
        raise ValueError(f"expected at least 4 images, got {len(images)}")
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    shuffled = images[order[: 2 * count]].double()
    return shuffled[:count], shuffled[count:]
