"""An antialiased bicubic resize, then (x - 128) / 128: clean-fid's.

Parmar et al. 2022 (arXiv:2104.11222), section 4: Pillow's filter in floating point, a channel at a
time, not rounded to 8 bits again.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from suites.samplers.preprocessing import SIDE, WHITE

DISTANCE = "fid_clean"


def prepared(levels: Tensor) -> Tensor:
    """Return (n, 3, 299, 299), float32 in [-1, 1), of levels (n, 3, H, W), uint8."""
    channels = levels.float().cpu().flatten(0, 1).numpy()
    resized = torch.from_numpy(np.stack([_resized(channel) for channel in channels]))
    large = resized.unflatten(0, levels.shape[:2]).to(levels.device)
    return (large.clamp(0, WHITE) - 128) / 128


def _resized(channel: np.ndarray) -> np.ndarray:
    """Resize (H, W), float32; by Pillow, whose filter is the definition."""
    from PIL import Image

    image = Image.fromarray(channel).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(image)
