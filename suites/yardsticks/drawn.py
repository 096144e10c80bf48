"""Normal numbers in the setting's dtype, on its device."""

from __future__ import annotations

import torch
from torch import Tensor

from bench import Setting


def normal(
    generator: torch.Generator, setting: Setting, *shapes: tuple[int, ...]
) -> tuple[Tensor, ...]:
    """Draw one tensor of every shape, in order."""
    return tuple(
        torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device)
        for shape in shapes
    )
