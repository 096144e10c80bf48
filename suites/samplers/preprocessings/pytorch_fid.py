"""torch's bilinear resize of half-pixel centres, then 2 x - 1 of x in [0, 1]: pytorch-fid's.

Seitzer 2020, https://github.com/mseitzer/pytorch-fid; neither end of it antialiases.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from suites.samplers.preprocessing import SIDE, WHITE

DISTANCE = "fid_pytorch"


def prepared(levels: Tensor) -> Tensor:
    """Return (n, 3, 299, 299), float32 in [-1, 1], of levels (n, 3, H, W), uint8."""
    size = (SIDE, SIDE)
    return 2 * F.interpolate(levels / WHITE, size, mode="bilinear", align_corners=False) - 1
