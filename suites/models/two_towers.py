"""Two towers that learn to match pairs, as CLIP and SigLIP do, and drawn pairs to match.

Shapes: B pairs, F features of an input, D embedding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from suites.models.seeded import seeded

LATENT = 8  # what both sides of a pair have in common
NOISE = 0.1
WIDENED = 4  # the hidden layer, of the features
CLIP_SCALE = math.log(1 / 0.07)  # Radford et al. 2021 (arXiv:2103.00020), section 2.5
SIGLIP_SCALE, SIGLIP_BIAS = math.log(10), -10.0  # Zhai et al. 2023 (arXiv:2303.15343), section 3.2


@dataclass(frozen=True)
class Pairs:
    """Images and texts as features (B, F), row by row a pair, and the seed they were drawn from."""

    images_BF: Tensor
    texts_BF: Tensor
    seed: int


@dataclass(frozen=True)
class Embedded:
    """What a loss is given: embeddings of length 1 (B, D), the scale, and the bias if any."""

    images_BD: Tensor
    texts_BD: Tensor
    scale: Tensor
    bias: Tensor | None


class TwoTowers(nn.Module):
    """A multilayer perceptron for each side; the scale (and bias) of logits is learned too."""

    def __init__(self, features: int, embedding: int, with_bias: bool):
        super().__init__()
        self.image, self.text = (_tower(features, embedding) for _ in range(2))
        self.log_scale = nn.Parameter(torch.tensor(SIGLIP_SCALE if with_bias else CLIP_SCALE))
        self.bias = nn.Parameter(torch.tensor(SIGLIP_BIAS)) if with_bias else None

    def forward(self, images_BF: Tensor, texts_BF: Tensor) -> tuple[Tensor, ...]:
        """Return embeddings of images and texts, the scale, and the bias where there is one."""
        images_BD = F.normalize(self.image(images_BF), dim=-1)
        texts_BD = F.normalize(self.text(texts_BF), dim=-1)
        bias = () if self.bias is None else (self.bias + 0,)  # a parameter is no output of DDP's
        return (images_BD, texts_BD, self.log_scale.exp(), *bias)


def two_towers(features: int, embedding: int, with_bias: bool, seed: int) -> TwoTowers:
    """Make the towers on CPU; equal seeds give equal weights."""
    return seeded(seed, lambda: TwoTowers(features, embedding, with_bias))


def pairs(seed: int, batch: int, features: int) -> Pairs:
    """Draw pairs: two fixed views of one latent each, with noise of their own."""
    fixed = torch.Generator().manual_seed(0)
    views = [torch.randn(LATENT, features, generator=fixed) for _ in range(2)]
    generator = torch.Generator().manual_seed(seed + 1)
    latent = torch.randn(batch, LATENT, generator=generator)
    images_BF, texts_BF = (
        torch.tanh(latent @ view) + NOISE * torch.randn(batch, features, generator=generator)
        for view in views
    )
    return Pairs(images_BF, texts_BF, seed)


def _tower(features: int, embedding: int) -> nn.Module:
    wide = WIDENED * features
    return nn.Sequential(nn.Linear(features, wide), nn.GELU(), nn.Linear(wide, embedding))
