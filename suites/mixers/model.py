"""A small model of one mixer's layers: tokens (B, S) to logits (B, S, V)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from suites.mixers.mixer import Mixer, Weights
from suites.mixers.pieces import RMSNorm, plain_norm

EMBEDDED = 0.14  # the standard deviation of embeddings: variance 0.02


class Model(nn.Module):
    """Embedding, layers, norm and head; whatever tells positions apart is the mixer's own."""

    def __init__(self, build: Callable[[], Mixer], num_layers: int, vocab_size: int):
        super().__init__()
        self.layers = nn.ModuleList(build() for _ in range(num_layers))
        width = cast(Mixer, self.layers[0]).width
        self.tokens = nn.Embedding(vocab_size, width)
        nn.init.normal_(self.tokens.weight, std=EMBEDDED)
        self.norm = RMSNorm(width)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, tokens_BS: Tensor) -> Tensor:
        x_BSW = self.tokens(tokens_BS)
        for layer in self.layers:
            x_BSW = layer(x_BSW)
        logits: Tensor = self.head(self.norm(x_BSW))
        return logits

    def definition(self, weights: Weights, tokens_BS: Tensor) -> Tensor:
        """Compute the logits with every layer as it is defined."""
        x_BSW = F.embedding(tokens_BS, weights["tokens.weight"])
        for number, layer in enumerate(self.layers):
            prefix = f"layers.{number}."
            own = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
            x_BSW = cast(Mixer, layer).definition(own, x_BSW)
        return plain_norm(weights, "norm", x_BSW) @ weights["head.weight"].T
