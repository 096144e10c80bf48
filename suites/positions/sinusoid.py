"""The sinusoid of Vaswani et al. 2017 (arXiv:1706.03762), section 3.5."""

import torch
from torch import Tensor

WAVELENGTHS = 10_000.0


def sinusoid(position: Tensor, dim: int) -> Tensor:
    """Return sin and cos of pos / 10000^(2i/dim) in turn, (*position, dim), in float64."""
    even = torch.arange(0, dim, 2, dtype=torch.float64, device=position.device)
    angles = position.double().unsqueeze(-1) * WAVELENGTHS ** (-even / dim)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)
