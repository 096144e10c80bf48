"""A small model of one mixer's layers: tokens (B, S) to logits (B, S, V)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from suites.mixers.mixer import Mixer, Weights
from suites.mixers.pieces import RMSNorm, ShortConvolution, plain_convolution, plain_norm

EMBEDDED = 1.0  # the standard deviation of embeddings: that of what a norm gives


class Model(nn.Module):
    """Embedding, a short convolution, layers, norm and head.

    All mixers are given their neighbours alike: what tells them apart is then what they recall, not
    how soon they learn to find the token before.
    """

    def __init__(self, build: Callable[[], Mixer], num_layers: int, vocab_size: int):
        super().__init__()
        self.layers = nn.ModuleList(build() for _ in range(num_layers))
        width = cast(Mixer, self.layers[0]).width
        self.tokens = nn.Embedding(vocab_size, width)
        nn.init.normal_(self.tokens.weight, std=EMBEDDED)
        self.neighbours = ShortConvolution(width, taps=3)
        self.norm = RMSNorm(width)
        self.head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, tokens_BS: Tensor) -> Tensor:
        x_BSW = self.tokens(tokens_BS)
        x_BSW = x_BSW + self.neighbours(x_BSW, self.neighbours.empty(x_BSW))[0]
        for layer in self.layers:
            x_BSW = layer(x_BSW)
        logits: Tensor = self.head(self.norm(x_BSW))
        return logits

    def definition(self, weights: Weights, tokens_BS: Tensor) -> Tensor:
        """Compute the logits with every layer as it is defined."""
        x_BSW = F.embedding(tokens_BS, weights["tokens.weight"])
        x_BSW = x_BSW + plain_convolution(weights, "neighbours", x_BSW)
        for number, layer in enumerate(self.layers):
            prefix = f"layers.{number}."
            own = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
            x_BSW = cast(Mixer, layer).definition(own, x_BSW)
        return plain_norm(weights, "norm", x_BSW) @ weights["head.weight"].T
