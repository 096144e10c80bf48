"""TensorFlow 1's bilinear resize, then (x - 128) / 128: the graph of Heusel et al. 2017.

The papers' tables were made so (arXiv:1706.08500, and its code), and torch-fidelity repeats it.
Parmar et al. 2022 (arXiv:2104.11222), section 3, show what the resize does to images.
"""

from __future__ import annotations

import torch
from torch import Tensor

from suites.samplers.preprocessing import SIDE

DISTANCE = "fid"


def prepared(levels: Tensor) -> Tensor:
    """Return (n, 3, 299, 299), float32 in [-1, 1), of levels (n, 3, H, W), uint8."""
    return (_resized(_resized(levels.float(), -1), -2) - 128) / 128


def _resized(x: Tensor, dim: int) -> Tensor:
    """Read position i of 299 at i size / 299: from the corner, with no half pixel of offset.

    As `ResizeBilinear` did, positions are float32; beyond the last pixel it is repeated.
    """
    size = x.shape[dim]
    position = torch.arange(SIDE, dtype=torch.float32, device=x.device) * (size / SIDE)
    below = position.long()
    above = (below + 1).clamp_max(size - 1)
    share = (position - below).reshape([-1] + [1] * (-1 - dim))
    low, high = x.index_select(dim, below), x.index_select(dim, above)
    return low + (high - low) * share
