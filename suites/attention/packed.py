"""Sequences of several lengths, packed in one row: each sees itself alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Plain, Setting, Unsupported, variant
from suites.attention.inputs import QKV, expect_positive
from suites.attention.problem import Attention


@dataclass(frozen=True)
class PackedAttention(Attention):
    """Softmax attention of `num_sequences` in one row of `seqlen` tokens, without padding.

    Krell et al. 2021 (arXiv:2107.02027), section 3.2.2. Lengths are uneven, as those of texts are:
    the i-th sequence is about i times as long as the first.
    """

    num_sequences: int = 8

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_heads": 2, "seqlen_q": 128, "head_dim": 16, "num_sequences": 4},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 90, "head_dim": 16, "causal": False},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "num_sequences")
        if self.batch != 1 or self.seqlen_q != self.keys:
            raise ValueError("expected a batch of 1, and seqlen_q equal to seqlen_kv")
        if min(self.lengths) < 1:
            raise ValueError(f"expected a token a sequence at least, got seqlen {self.seqlen_q}")

    @property
    def ends(self) -> list[int]:
        """Return where each sequence ends: at shares of the row that are triangular numbers."""
        n = self.num_sequences
        return [self.seqlen_q * i * (i + 1) // (n * (n + 1)) for i in range(1, n + 1)]

    @property
    def lengths(self) -> list[int]:
        return [end - start for start, end in zip([0, *self.ends], self.ends, strict=False)]

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        visible = self._sequence(query) == self._sequence(key)
        return visible & (query >= key) if self.causal else visible

    def _sequence(self, position: Tensor) -> Tensor:
        """Count the sequences that have ended before a position."""
        number = torch.zeros_like(position)
        for end in self.ends[:-1]:
            number = number + (position >= end)
        return number

    def visible_pairs(self) -> int:
        return sum(n * (n + 1) // 2 if self.causal else n * n for n in self.lengths)


@variant(marks=["pattern"])
def by_sequence(problem: PackedAttention) -> Callable[[QKV], Tensor]:
    """One sequence after the other, each in the kernel that torch picks."""
    lengths, grouped = problem.lengths, problem.group > 1

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=problem.causal, enable_gqa=grouped)

    def step(inputs: QKV) -> Tensor:
        sequences = zip(*(x.split(lengths, 2) for x in inputs), strict=True)
        return torch.cat([attend(q, k, v) for q, k, v in sequences], 2)

    return step


@variant(marks=["pattern", "variation"])
def padded(problem: PackedAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """A batch of sequences, each filled up to the longest; in the kernel that torch picks."""
    lengths = torch.tensor(problem.lengths, device=setting.device)[:, None]
    starts = torch.tensor([0, *problem.ends[:-1]], device=setting.device)[:, None]
    inside = torch.arange(max(problem.lengths), device=setting.device)
    taken = (starts + inside).clamp_max(problem.seqlen_q - 1)  # (sequences, longest)
    real = inside < lengths
    longest = max(problem.lengths)
    tokens = [n * longest + i for n, length in enumerate(problem.lengths) for i in range(length)]
    places = torch.tensor(tokens, device=setting.device)  # of the tokens, in order
    mask = None if problem.causal else real[:, None, None]  # what fills up comes later

    def step(inputs: QKV) -> Tensor:
        q, k, v = (x[0][:, taken].transpose(0, 1) for x in inputs)
        out = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=problem.causal, enable_gqa=problem.group > 1
        )
        return out.transpose(0, 1).flatten(1, 2)[:, places][None]

    return step


@variant(marks=["gpu", "pattern"])
def varlen(problem: PackedAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """torch.nn.attention.varlen: FlashAttention-2 over packed sequences; 16 bits, on a GPU."""
    if setting.device.type != "cuda" or setting.dtype not in (torch.bfloat16, torch.float16):
        raise Unsupported("needs a GPU and 16 bits")
    from torch.nn.attention.varlen import varlen_attn

    ends = torch.tensor([0, *problem.ends], dtype=torch.int32, device=setting.device)
    longest = max(problem.lengths)
    grouped: dict[str, Any] = {"enable_gqa": True} if problem.group > 1 else {}
    newer = "window_size" in inspect.signature(varlen_attn).parameters  # torch 2.11 has is_causal
    window = {"window_size": (-1, 0 if problem.causal else -1)}
    causal: dict[str, Any] = window if newer else {"is_causal": problem.causal}

    def step(inputs: QKV) -> Tensor:
        q, k, v = (x[0].transpose(0, 1) for x in inputs)
        out: Any = varlen_attn(q, k, v, ends, ends, longest, longest, **causal, **grouped)
        packed: Tensor = out.transpose(0, 1)[None]
        return packed

    return step
