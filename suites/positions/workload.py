"""The work itself: attention over tokens that stand one after another.

Shapes: B batch, H num_heads, S seqlen, R rows of queries, D head_dim, M = H D, P positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from bench import Plain, Setting
from bench.operator import Operator

REFERENCE_ELEMENTS = 1 << 23  # of one block of rows, for every dimension of the model


class QKV(NamedTuple):
    """Queries, keys and values (B, H, S, D) as projected, before anything tells positions."""

    q_BHSD: Tensor
    k_BHSD: Tensor
    v_BHSD: Tensor


@dataclass(frozen=True)
class Workload(Operator):
    """Attention of `num_heads` heads over tokens at 0, 1, …, seqlen - 1 of `context` positions.

    So many (default: twice seqlen) an encoding must know of.
    """

    batch: int = 1
    num_heads: int = 4
    seqlen: int = 512
    head_dim: int = 64
    causal: bool = True
    context: int | None = None

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "num_heads": 2, "seqlen": 64, "head_dim": 16},
        {"num_heads": 4, "seqlen": 81, "head_dim": 8, "causal": False},
    )
    input_names: ClassVar[tuple[str, ...]] = ("q", "k", "v")
    most_realisations: ClassVar[int] = 8

    def __post_init__(self) -> None:
        if self.context is None:
            object.__setattr__(self, "context", 2 * self.seqlen)
        for name in ("batch", "num_heads", "seqlen"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}")
        if self.head_dim < 4 or self.head_dim % 4:
            raise ValueError(f"expected head_dim in multiples of 4, got {self.head_dim}")
        if self.positions < self.seqlen:
            raise ValueError(f"expected context of at least {self.seqlen}, got {self.context}")

    @property
    def positions(self) -> int:
        assert self.context is not None
        return self.context

    @property
    def dim(self) -> int:
        """Return M, the model's width, which the heads share out."""
        return self.num_heads * self.head_dim

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.num_heads, self.seqlen, self.head_dim)

    def draw(self, generator: torch.Generator, setting: Setting) -> QKV:
        like = {"generator": generator, "dtype": setting.dtype, "device": setting.device}
        return QKV(*(torch.randn(self.output_shape(), **like) for _ in range(3)))  # type: ignore[call-overload]

    def rows(self) -> Iterator[slice]:
        """Cut the queries so that a block of (rows, keys, M) fits."""
        wide = self.seqlen * max(self.dim, self.batch * self.num_heads)
        step = max(REFERENCE_ELEMENTS // wide, 1)
        return (slice(start, start + step) for start in range(0, self.seqlen, step))

    def flops(self, setting: Setting) -> int:
        """Count the two products of attention itself; a backward pass needs four more."""
        pairs = self.seqlen * (self.seqlen + 1) // 2 if self.causal else self.seqlen**2
        forward_flops = 4 * self.batch * self.dim * pairs
        return 3 * forward_flops if setting.backward else forward_flops

    def bytes_moved(self, setting: Setting) -> int:
        """Count q, k, v read and out written; backward adds dout read, dq, dk, dv written."""
        elements = 4 * self.batch * self.seqlen * self.dim
        return elements * setting.dtype.itemsize * (2 if setting.backward else 1)
