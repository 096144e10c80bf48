"""The operators. Shapes: B batch, H num_heads, K num_kv_heads, S seqlen, D head_dim."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Plain, Setting
from bench.operator import Block, BlockwiseOperator
from suites.attention.inputs import QKV, REFERENCE_ELEMENTS, bytes_moved, expect_positive, randn
from suites.attention.one_shape import OneShape, Rows

__all__ = ["QKV", "Attention", "LinearAttention", "SoftmaxAttention", "phi"]


@dataclass(frozen=True)
class Attention(BlockwiseOperator):
    """softmax(score(Q K^T / sqrt(D)) + mask) V: a pattern says what is seen, and how it is scored.

    A pattern is a subclass with `sees`, and where it has them `score` and `prepared`; every kernel
    of this suite contests it, wherever it is. `num_kv_heads` (default: num_heads) below num_heads
    is grouped-query attention. Query i stands at key position i + seqlen_kv - seqlen_q; `causal`
    hides later keys.
    """

    batch: int = 1
    num_heads: int = 4
    num_kv_heads: int | None = None
    seqlen_q: int = 1024
    seqlen_kv: int | None = None
    head_dim: int = 64
    causal: bool = True

    contested_by: ClassVar[str] = "suites.attention"
    additive: ClassVar[bool] = False  # says of a `score` that it only adds, by head and positions
    aliases: ClassVar[dict[str, tuple[str, ...]]] = {"seqlen": ("seqlen_q", "seqlen_kv")}
    input_names: ClassVar[tuple[str, ...]] = ("q", "k", "v")

    def __post_init__(self) -> None:
        if self.num_kv_heads is None:
            object.__setattr__(self, "num_kv_heads", self.num_heads)
        if self.seqlen_kv is None:
            object.__setattr__(self, "seqlen_kv", self.seqlen_q)
        expect_positive(
            self, "batch", "num_heads", "num_kv_heads", "seqlen_q", "seqlen_kv", "head_dim"
        )
        if self.num_heads % self.kv_heads:
            raise ValueError(
                f"expected num_heads divisible by num_kv_heads, got {self.num_heads} and "
                f"{self.kv_heads}"
            )
        if self.causal and self.seqlen_q > self.keys:
            raise ValueError(
                f"causal: expected seqlen_q at most seqlen_kv, got {self.seqlen_q} and {self.keys}"
            )

    @abstractmethod
    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        """Tell by position which queries see which keys; positions broadcast."""

    def score(self, logits: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        """Change scaled logits by head and positions, which broadcast; keeps their dtype."""
        return logits

    def prepared(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Change queries and keys (..., D) before their product."""
        return q, k

    @property
    def kv_heads(self) -> int:
        assert self.num_kv_heads is not None
        return self.num_kv_heads

    @property
    def keys(self) -> int:
        assert self.seqlen_kv is not None
        return self.seqlen_kv

    @property
    def group(self) -> int:
        """Count the heads that share keys and values."""
        return self.num_heads // self.kv_heads

    @property
    def plain_causal(self) -> bool:
        """Say whether the mask is just the lower triangle of a square."""
        return False

    @property
    def masked(self) -> bool:
        """Say whether anything is hidden; from one query that comes last, nothing later is."""
        return self.visible_pairs() < self.seqlen_q * self.keys

    @property
    def scored(self) -> bool:
        """Say whether logits are changed."""
        return type(self).score is not Attention.score

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.num_heads, self.seqlen_q, self.head_dim)

    def draw(self, generator: torch.Generator, setting: Setting) -> QKV:
        kv = (self.batch, self.kv_heads, self.keys, self.head_dim)
        return QKV(*(randn(s, generator, setting) for s in (self.output_shape(), kv, kv)))

    def mask(self, device: torch.device, rows: slice = slice(None)) -> Tensor:
        """Return the boolean mask (rows, seqlen_kv), True where a query sees a key."""
        _, query, key = self.places(device, rows)
        return self.sees(query, key)

    def places(self, device: torch.device, rows: slice = slice(None)) -> tuple[Tensor, ...]:
        """Return heads (H, 1, 1), queries (rows, 1) and keys (seqlen_kv) by their positions."""
        head = torch.arange(self.num_heads, device=device)[:, None, None]
        query = torch.arange(self.seqlen_q, device=device)[rows, None] + self.keys - self.seqlen_q
        return head, query, torch.arange(self.keys, device=device)

    def bias(self, setting: Setting) -> Tensor:
        """Return what an additive score adds, (H, seqlen_q, seqlen_kv), -inf where hidden."""
        places = self.places(setting.device)
        shape = (self.num_heads, self.seqlen_q, self.keys)
        added = self.score(torch.zeros(shape, device=setting.device), *places)
        return added.masked_fill(~self.sees(*places[1:]), -torch.inf).to(setting.dtype)

    def blocks(self) -> Iterator[Block]:
        step = max(REFERENCE_ELEMENTS // (self.keys * self.group), 1)
        masked = self.masked
        for b in range(self.batch):
            for h in range(self.kv_heads):
                heads = slice(h * self.group, (h + 1) * self.group)
                for start in range(0, self.seqlen_q, step):
                    rows = slice(start, start + step)
                    queries = (b, heads, rows)
                    yield Block(queries, (queries, (b, h), (b, h)), self._rows(heads, rows, masked))

    def _rows(self, heads: slice, rows: slice, masked: bool):  # type: ignore[no-untyped-def]
        def attend(q_GRD: Tensor, k_SD: Tensor, v_SD: Tensor) -> Tensor:
            head, query, key = self.places(q_GRD.device, rows)
            q, k = self.prepared(q_GRD, k_SD)
            logits_GRS = self.score(q @ k.T * self.head_dim**-0.5, head[heads], query, key)
            if masked:
                logits_GRS = logits_GRS.masked_fill(~self.sees(query, key), -torch.inf)
            return logits_GRS.softmax(-1) @ v_SD

        return attend

    def visible_pairs(self) -> int:
        """Count the (query, key) pairs that the mask leaves, for one head."""
        return _count_visible(self)

    def flops(self, setting: Setting) -> int:
        """Count the two products over visible pairs; a backward pass needs four more.

        Recomputation is not counted: published FlashAttention tables use 3.5 x forward for
        forward and backward together, this is 3 x. Nor is what changes logits, queries or keys.
        """
        forward = 4 * self.batch * self.num_heads * self.visible_pairs() * self.head_dim
        return 3 * forward if setting.backward else forward

    def bytes_moved(self, setting: Setting) -> int:
        queries = self.batch * self.num_heads * self.seqlen_q * self.head_dim
        keys = self.batch * self.kv_heads * self.keys * self.head_dim
        return bytes_moved(queries, keys, setting)


@dataclass(frozen=True)
class SoftmaxAttention(Attention):
    """softmax(Q K^T / sqrt(D) + mask) V, Vaswani et al. 2017 (arXiv:1706.03762), eq. 1.

    `window` = w hides keys w or more positions away. One query on many keys is a step of decoding.
    """

    window: int | None = None

    kin: ClassVar[dict[str, str]] = {
        "qk_norm": "QKNormAttention",
        "softcap": "SoftcapAttention",
        "learned_sinks": "LearnedSinkAttention",
    }
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "num_heads": 2, "seqlen_q": 128, "head_dim": 16},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 192, "head_dim": 32, "causal": False},
        {"num_heads": 2, "seqlen_q": 256, "head_dim": 16, "window": 64},
        {"num_heads": 2, "seqlen_q": 64, "seqlen_kv": 320, "head_dim": 16},
        {"num_heads": 4, "num_kv_heads": 1, "seqlen_q": 1, "seqlen_kv": 320, "head_dim": 16},
    )

    def __post_init__(self) -> None:
        if self.seqlen_q == 1 and self.causal and self.window and self.window > 0:
            # the last query sees no more than its window: a cache of that many keys
            object.__setattr__(self, "seqlen_kv", min(self.seqlen_kv or 1, self.window))
            object.__setattr__(self, "window", None)
        super().__post_init__()
        if self.window is not None and self.window < 1:
            raise ValueError(f"expected window of at least 1, got {self.window}")
        if self.window is not None and self.seqlen_q != self.keys:
            raise ValueError("window: expected seqlen_q equal to seqlen_kv")
        if self.window is not None and self.window >= self.keys:
            object.__setattr__(self, "window", None)  # hides nothing: the same question

    @property
    def plain_causal(self) -> bool:
        return self.causal and self.window is None and self.seqlen_q == self.keys

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        distance = query - key
        visible = distance >= 0 if self.causal else torch.ones_like(distance, dtype=torch.bool)
        return visible if self.window is None else visible & (distance.abs() < self.window)

    def visible_pairs(self) -> int:
        shift = self.keys - self.seqlen_q
        reach = self.window or self.keys
        total = 0
        for query in range(shift, shift + self.seqlen_q):
            last = query if self.causal else min(query + reach - 1, self.keys - 1)
            total += last - max(query - reach + 1, 0) + 1
        return total


@dataclass(frozen=True)
class LinearAttention(OneShape):
    """phi(Q) (phi(K)^T V) / phi(Q) (phi(K)^T 1), phi = elu + 1.

    Katharopoulos et al. 2020 (arXiv:2006.16236), eq. 5-6 and, causal, eq. 8-9.
    """

    batch: int = 1
    num_heads: int = 4
    seqlen: int = 1024
    head_dim: int = 64
    causal: bool = False

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "num_heads": 2, "seqlen": 128, "head_dim": 16},
        {"num_heads": 2, "seqlen": 192, "head_dim": 32, "causal": True},
    )
    like: ClassVar[dict[str, str]] = {"causal": ""}  # each form is asked with the mask it is for

    def rows_from(self, start: int) -> Rows:
        def attend(q_RD: Tensor, k_SD: Tensor, v_SD: Tensor) -> Tensor:
            weights_RS = phi(q_RD) @ phi(k_SD).T
            if self.causal:
                weights_RS = weights_RS.tril(start)
            # the normaliser reaches S x D: beyond float16's range, so it is never kept in it
            wide = torch.promote_types(weights_RS.dtype, torch.float32)
            normaliser_R1 = weights_RS.sum(-1, keepdim=True, dtype=wide)
            return (weights_RS / normaliser_R1).to(v_SD.dtype) @ v_SD

        return attend

    def flops(self, setting: Setting) -> int:
        """Count the recurrent form's products: D x D state updated and read for every token."""
        tokens = self.batch * self.num_heads * self.seqlen
        forward = tokens * (4 * self.head_dim**2 + 4 * self.head_dim)
        return 3 * forward if setting.backward else forward


@cache
def _count_visible(problem: Attention) -> int:
    """Count by the mask itself, some rows at a time; a pattern that knows better says so."""
    step = max((REFERENCE_ELEMENTS >> 2) // problem.keys, 1)
    starts = range(0, problem.seqlen_q, step)
    masks = (problem.mask(torch.device("cpu"), slice(start, start + step)) for start in starts)
    return sum(int(mask.sum()) for mask in masks)


def phi(x: Tensor) -> Tensor:
    """Map to positive features: elu(x) + 1."""
    return F.elu(x) + 1
