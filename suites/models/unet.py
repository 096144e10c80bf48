"""A small time-conditioned U-Net in plain torch. Shapes: B batch, C channels, H height, W width."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 8  # of every group norm


class UNet(nn.Module):
    """The denoising U-Net of Ho et al. 2020 (arXiv:2006.11239), scaled down.

    `channels` counts the features of each level, from the finest; between levels the side halves,
    so it must be divisible by 2 ** (levels - 1). Attention works on the coarsest level alone. The
    last convolution starts at 0: the untrained network answers 0.
    """

    def __init__(
        self, image_channels: int = 1, channels: tuple[int, ...] = (32, 64), num_blocks: int = 1
    ):
        super().__init__()
        width = 4 * channels[0]
        self.embed = nn.Sequential(
            Sinusoidal(channels[0]),
            nn.Linear(channels[0], width),
            nn.SiLU(),
            nn.Linear(width, width),
        )
        self.first = nn.Conv2d(image_channels, channels[0], 3, padding=1)
        self.down = nn.ModuleList()
        kept, now = [channels[0]], channels[0]
        for level, features in enumerate(channels):
            for _ in range(num_blocks):
                self.down.append(Block(now, features, width))
                now = features
                kept.append(now)
            if level + 1 < len(channels):
                self.down.append(nn.Conv2d(now, now, 3, stride=2, padding=1))
                kept.append(now)
        self.middle = nn.ModuleList(
            [Block(now, now, width), Attention(now), Block(now, now, width)]
        )
        self.up = nn.ModuleList()
        for level, features in reversed(list(enumerate(channels))):
            for _ in range(num_blocks + 1):
                self.up.append(Block(now + kept.pop(), features, width))
                now = features
            if level:
                self.up.append(nn.ConvTranspose2d(now, now, 4, stride=2, padding=1))
        last = nn.Conv2d(now, image_channels, 3, padding=1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.last = nn.Sequential(nn.GroupNorm(GROUPS, now), nn.SiLU(), last)

    def forward(self, x_BCHW: Tensor, time_B: Tensor) -> Tensor:
        """Map images and one real number each (a time, a log noise level) to images."""
        embedded = self.embed(time_B)
        x = self.first(x_BCHW)
        kept = [x]
        for layer in self.down:
            x = layer(x, embedded) if isinstance(layer, Block) else layer(x)
            kept.append(x)
        for layer in self.middle:
            x = layer(x, embedded) if isinstance(layer, Block) else layer(x)
        for layer in self.up:
            x = (
                layer(torch.cat([x, kept.pop()], 1), embedded)
                if isinstance(layer, Block)
                else layer(x)
            )
        return self.last(x)


class Sinusoidal(nn.Module):
    """Sines and cosines of a real number of order 1, at frequencies from 1 to 32."""

    def __init__(self, num_features: int):
        super().__init__()
        self.num_frequencies = num_features // 2

    def forward(self, time_B: Tensor) -> Tensor:
        steps = torch.arange(self.num_frequencies, device=time_B.device, dtype=torch.float64)
        frequencies = 32 ** (steps / max(self.num_frequencies - 1, 1))
        angles = time_B[:, None] * frequencies.to(time_B.dtype)
        return torch.cat([angles.sin(), angles.cos()], -1)


class Block(nn.Module):
    """Two convolutions with a residual; the embedded time scales and shifts between them."""

    def __init__(self, features_in: int, features: int, width: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, features_in)
        self.conv1 = nn.Conv2d(features_in, features, 3, padding=1)
        self.time = nn.Linear(width, 2 * features)
        self.norm2 = nn.GroupNorm(GROUPS, features)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)
        same = features_in == features
        self.skip = nn.Identity() if same else nn.Conv2d(features_in, features, 1)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        hidden = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.time(F.silu(embedded))[:, :, None, None].chunk(2, 1)
        hidden = self.norm2(hidden) * (1 + scale) + shift
        return self.skip(x) + self.conv2(F.silu(hidden))


class Attention(nn.Module):
    """Self-attention of one head over the pixels, with a residual."""

    def __init__(self, features: int):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, features)
        self.qkv = nn.Conv2d(features, 3 * features, 1)
        self.out = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, -1)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(mixed.transpose(1, 2).reshape(x.shape))
