"""A residual multilayer perceptron over flattened images, conditioned on a noise level."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from suites.models.unet import Sinusoidal

NUM_TIME_FEATURES = 64


class Mlp(nn.Module):
    """Pixels and a noise level to pixels of the same shape; the untrained network answers 0."""

    def __init__(self, shape: tuple[int, ...], width: int = 256, num_blocks: int = 4):
        super().__init__()
        self.trunk = Trunk(shape, width, num_blocks)
        self.last = nn.Linear(width, math.prod(shape))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, time_B: Tensor) -> Tensor:
        """Map (B, ...) and one real number each to (B, ...)."""
        return self.decode(x, self.trunk.embed(time_B))

    def decode(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Map (B, ...) to the same, given what is embedded of the noise level, (B, width)."""
        return self.last(self.trunk(x, embedded)).reshape(x.shape)


class Trunk(nn.Module):
    """All of it but the last layer."""

    def __init__(self, shape: tuple[int, ...], width: int, num_blocks: int):
        super().__init__()
        self.embed = nn.Sequential(
            Sinusoidal(NUM_TIME_FEATURES), nn.Linear(NUM_TIME_FEATURES, width)
        )
        self.first = nn.Linear(math.prod(shape), width)
        self.blocks = nn.ModuleList(Residual(width) for _ in range(num_blocks))

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Map (B, ...) and an embedded noise level (B, width) to features (B, width)."""
        hidden = self.first(x.flatten(1)) + embedded
        for block in self.blocks:
            hidden = block(hidden, embedded)
        return F.silu(hidden)


class Residual(nn.Module):
    """Norm, two layers, a residual; the embedded noise level is added before the activation."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.time = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        hidden = self.inner(self.norm(x)) + self.time(F.silu(embedded))
        return x + self.outer(F.silu(hidden))
