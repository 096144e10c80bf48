"""A GPT: pre-norm attention and MLP blocks over characters (Radford et al. 2019, GPT-2).

Shapes: B batch, S seqlen, H num_heads, D dim, E head_dim = D / H, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from suites.models.text import VOCAB_SIZE

INIT_STD = 0.02


@dataclass(frozen=True)
class GPTConfig:
    """Sizes of the network; ValueError where they do not fit together."""

    num_layers: int = 2
    num_heads: int = 4
    dim: int = 128
    seqlen: int = 128
    vocab_size: int = VOCAB_SIZE

    def __post_init__(self) -> None:
        for name in ("num_layers", "num_heads", "dim", "seqlen", "vocab_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if self.dim % self.num_heads:
            raise ValueError(
                f"expected dim divisible by num_heads, got {self.dim} and {self.num_heads}"
            )

    def matmul_flops(self, num_tokens: int) -> int:
        """Count the products of a forward pass (2 a multiply-add), attention by visible pairs."""
        weights = self.num_layers * 12 * self.dim**2 + self.dim * self.vocab_size
        pairs = self.num_layers * 2 * self.dim * (self.seqlen + 1) // 2
        return 2 * num_tokens * (weights + pairs)


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x))."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.num_heads = config.num_heads
        self.attention_norm = nn.LayerNorm(config.dim)
        self.qkv = nn.Linear(config.dim, 3 * config.dim)
        self.projection = nn.Linear(config.dim, config.dim)
        self.mlp_norm = nn.LayerNorm(config.dim)
        self.up = nn.Linear(config.dim, 4 * config.dim)
        self.down = nn.Linear(4 * config.dim, config.dim)

    def forward(self, x_BSD: Tensor) -> Tensor:
        x_BSD = x_BSD + self._attention(self.attention_norm(x_BSD))
        mlp: Tensor = self.down(F.gelu(self.up(self.mlp_norm(x_BSD))))
        return x_BSD + mlp

    def _attention(self, x_BSD: Tensor) -> Tensor:
        heads = self.qkv(x_BSD).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        q_BHSE, k_BHSE, v_BHSE = heads.unbind()
        out_BHSE = F.scaled_dot_product_attention(q_BHSE, k_BHSE, v_BHSE, is_causal=True)
        out: Tensor = self.projection(out_BHSE.transpose(1, 2).flatten(-2))
        return out


class GPT(nn.Module):
    """Tokens (B, S) to logits (B, S, V); embeddings and head are not tied."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.tokens = nn.Embedding(config.vocab_size, config.dim)
        self.positions = nn.Embedding(config.seqlen, config.dim)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.dim)
        self.head = nn.Linear(config.dim, config.vocab_size, bias=False)

    def forward(self, tokens_BS: Tensor) -> Tensor:
        positions_S = torch.arange(tokens_BS.shape[1], device=tokens_BS.device)
        x_BSD = self.tokens(tokens_BS) + self.positions(positions_S)
        for block in self.blocks:
            x_BSD = block(x_BSD)
        logits: Tensor = self.head(self.norm(x_BSD))
        return logits


def gpt(config: GPTConfig, seed: int) -> GPT:
    """Make the network on CPU in float32; equal seeds give equal weights.

    Weights are N(0, .02), those that end a residual branch / sqrt(2 layers); biases 0, norms 1.
    """
    with torch.device("meta"):  # torch's own first weights would take as long again
        network = GPT(config)
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for name, weight in network.named_parameters():
        if weight.dim() < 2:
            nn.init.constant_(weight, 1.0 if "norm" in name and name.endswith("weight") else 0.0)
            continue
        ends_branch = name.endswith(("projection.weight", "down.weight"))
        std = INIT_STD / math.sqrt(2 * config.num_layers) if ends_branch else INIT_STD
        nn.init.normal_(weight, std=std, generator=generator)
    return network


def loss(logits_BSV: Tensor, targets_BS: Tensor) -> Tensor:
    """Average the cross-entropy over all characters, in at least float32 (float64 stays)."""
    wide = torch.promote_types(logits_BSV.dtype, torch.float32)
    return F.cross_entropy(logits_BSV.to(wide).flatten(0, 1), targets_BS.flatten())
