"""The operators. Shapes: B batch, H num_heads, K num_kv_heads, S seqlen, D head_dim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Plain, Setting
from bench.operator import Block, BlockwiseOperator

REFERENCE_ELEMENTS = 1 << 24  # of one block of the n x n matrix: 128 MiB in float64


class QKV(NamedTuple):
    """Queries (B, H, S, D), keys and values (B, K, S, D)."""

    q_BHSD: Tensor
    k_BKSD: Tensor
    v_BKSD: Tensor


@dataclass(frozen=True)
class SoftmaxAttention(BlockwiseOperator):
    """softmax(Q K^T / sqrt(D) + mask) V, Vaswani et al. 2017 (arXiv:1706.03762), eq. 1.

    `num_kv_heads` (default: num_heads) below num_heads is grouped-query attention. Query i stands
    at key position i + seqlen_kv - seqlen_q; `causal` hides later keys, and `window` = w hides
    keys w or more positions away.
    """

    batch: int = 1
    num_heads: int = 4
    num_kv_heads: int | None = None
    seqlen_q: int = 1024
    seqlen_kv: int | None = None
    head_dim: int = 64
    causal: bool = True
    window: int | None = None

    aliases: ClassVar[dict[str, tuple[str, ...]]] = {"seqlen": ("seqlen_q", "seqlen_kv")}
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "num_heads": 2, "seqlen_q": 128, "head_dim": 16},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 192, "head_dim": 32, "causal": False},
        {"num_heads": 2, "seqlen_q": 256, "head_dim": 16, "window": 64},
        {"num_heads": 2, "seqlen_q": 64, "seqlen_kv": 320, "head_dim": 16},
    )
    input_names: ClassVar[tuple[str, ...]] = ("q", "k", "v")

    def __post_init__(self) -> None:
        if self.num_kv_heads is None:
            object.__setattr__(self, "num_kv_heads", self.num_heads)
        if self.seqlen_kv is None:
            object.__setattr__(self, "seqlen_kv", self.seqlen_q)
        _expect_positive(
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
        if self.window is not None and self.window < 1:
            raise ValueError(f"expected window of at least 1, got {self.window}")
        if self.window is not None and self.seqlen_q != self.keys:
            raise ValueError("window: expected seqlen_q equal to seqlen_kv")
        if self.window is not None and self.window >= self.keys:
            object.__setattr__(self, "window", None)  # hides nothing: the same question

    @property
    def kv_heads(self) -> int:
        assert self.num_kv_heads is not None
        return self.num_kv_heads

    @property
    def keys(self) -> int:
        assert self.seqlen_kv is not None
        return self.seqlen_kv

    @property
    def plain_causal(self) -> bool:
        """Say whether the mask is just the lower triangle of a square."""
        return self.causal and self.window is None and self.seqlen_q == self.keys

    @property
    def masked(self) -> bool:
        return self.causal or self.window is not None

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.num_heads, self.seqlen_q, self.head_dim)

    def draw(self, generator: torch.Generator, setting: Setting) -> QKV:
        kv = (self.batch, self.kv_heads, self.keys, self.head_dim)
        return QKV(*(_randn(s, generator, setting) for s in (self.output_shape(), kv, kv)))

    def mask(self, device: torch.device, rows: slice = slice(None)) -> Tensor:
        """Return the boolean mask (rows, seqlen_kv), True where a query sees a key."""
        query = torch.arange(self.seqlen_q, device=device)[rows, None] + self.keys - self.seqlen_q
        return self.sees(query, torch.arange(self.keys, device=device))

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        """Tell by position which queries see which keys; positions broadcast."""
        distance = query - key
        visible = distance >= 0 if self.causal else torch.ones_like(distance, dtype=torch.bool)
        return visible if self.window is None else visible & (distance.abs() < self.window)

    def blocks(self) -> Iterator[Block]:
        group = self.num_heads // self.kv_heads
        step = max(REFERENCE_ELEMENTS // (self.keys * group), 1)
        for b in range(self.batch):
            for h in range(self.kv_heads):
                for start in range(0, self.seqlen_q, step):
                    rows = slice(start, start + step)
                    queries = (b, slice(h * group, (h + 1) * group), rows)
                    yield Block(queries, (queries, (b, h), (b, h)), self._rows(rows))

    def _rows(self, rows: slice):  # type: ignore[no-untyped-def]
        def attend(q_GRD: Tensor, k_SD: Tensor, v_SD: Tensor) -> Tensor:
            logits_GRS = q_GRD @ k_SD.T * self.head_dim**-0.5
            if self.masked:
                logits_GRS = logits_GRS.masked_fill(~self.mask(q_GRD.device, rows), -torch.inf)
            return logits_GRS.softmax(-1) @ v_SD

        return attend

    def visible_pairs(self) -> int:
        """Count the (query, key) pairs that the mask leaves, for one head."""
        shift = self.keys - self.seqlen_q
        reach = self.window or self.keys
        total = 0
        for query in range(shift, shift + self.seqlen_q):
            last = query if self.causal else min(query + reach - 1, self.keys - 1)
            total += last - max(query - reach + 1, 0) + 1
        return total

    def flops(self, setting: Setting) -> int:
        """Count the two products over visible pairs; a backward pass needs four more.

        Recomputation is not counted: published FlashAttention tables use 3.5 x forward for
        forward and backward together, this is 3 x.
        """
        forward = 4 * self.batch * self.num_heads * self.visible_pairs() * self.head_dim
        return 3 * forward if setting.backward else forward

    def bytes_moved(self, setting: Setting) -> int:
        queries = self.batch * self.num_heads * self.seqlen_q * self.head_dim
        keys = self.batch * self.kv_heads * self.keys * self.head_dim
        return _bytes_moved(queries, keys, setting)


@dataclass(frozen=True)
class LinearAttention(BlockwiseOperator):
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
    input_names: ClassVar[tuple[str, ...]] = ("q", "k", "v")
    like: ClassVar[dict[str, str]] = {"causal": ""}  # each form is asked with the mask it is for

    def __post_init__(self) -> None:
        _expect_positive(self, "batch", "num_heads", "seqlen", "head_dim")

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.num_heads, self.seqlen, self.head_dim)

    def draw(self, generator: torch.Generator, setting: Setting) -> QKV:
        return QKV(*(_randn(self.output_shape(), generator, setting) for _ in range(3)))

    def blocks(self) -> Iterator[Block]:
        step = max(REFERENCE_ELEMENTS // self.seqlen, 1)
        for b in range(self.batch):
            for h in range(self.num_heads):
                for start in range(0, self.seqlen, step):
                    rows = slice(start, start + step)
                    yield Block((b, h, rows), ((b, h, rows), (b, h), (b, h)), self._rows(start))

    def _rows(self, start: int):  # type: ignore[no-untyped-def]
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

    def bytes_moved(self, setting: Setting) -> int:
        elements = self.batch * self.num_heads * self.seqlen * self.head_dim
        return _bytes_moved(elements, elements, setting)


def phi(x: Tensor) -> Tensor:
    """Map to positive features: elu(x) + 1."""
    return F.elu(x) + 1


def _bytes_moved(queries: int, keys: int, setting: Setting) -> int:
    """Count q, k, v read and out written; backward adds dout read, dq, dk, dv written."""
    elements = 2 * queries + 2 * keys
    if setting.backward:
        elements += 2 * queries + 2 * keys
    return elements * setting.dtype.itemsize


def _randn(shape: tuple[int, ...], generator: torch.Generator, setting: Setting) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device)


def _expect_positive(problem: object, *names: str) -> None:
    for name in names:
        value = getattr(problem, name)
        if value < 1:
            raise ValueError(f"expected {name} of at least 1, got {value}")
