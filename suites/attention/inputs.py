"""What operators on q, k and v share: their inputs, and what moving these costs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bench import Setting

REFERENCE_ELEMENTS = 1 << 24  # of one block of the n x n matrix: 128 MiB in float64


class QKV(NamedTuple):
    """Queries (B, H, S, D), keys and values (B, K, S, D)."""

    q_BHSD: Tensor
    k_BKSD: Tensor
    v_BKSD: Tensor


def bytes_moved(queries: int, keys: int, setting: Setting) -> int:
    """Count q, k, v read and out written; backward adds dout read, dq, dk, dv written."""
    elements = 2 * queries + 2 * keys
    if setting.backward:
        elements += 2 * queries + 2 * keys
    return elements * setting.dtype.itemsize


def randn(shape: tuple[int, ...], generator: torch.Generator, setting: Setting) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device)


def expect_positive(problem: object, *names: str) -> None:
    for name in names:
        value = getattr(problem, name)
        if value < 1:
            raise ValueError(f"expected {name} of at least 1, got {value}")
