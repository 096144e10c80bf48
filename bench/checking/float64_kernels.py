"""Operators that torch has no float64 kernel for, by ones that have: for references alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def in_float64(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what computes the same in float64; mostly the function itself."""
    grouped = (
        getattr(torch.nn.functional, "grouped_mm", None),
        getattr(torch, "_grouped_mm", None),
    )
    return grouped_mm if function in grouped else function


def grouped_mm(
    mat_a: Tensor, mat_b: Tensor, *, offs: Tensor | None = None, bias: Any = None, **_: Any
) -> Tensor:
    """Multiply groups of rows of (rows, K) by a matrix each, (groups, K, N); `offs` end groups.

    Or (groups, rows, K) by (groups, K, N). Raises NotImplementedError for other forms.
    """
    if bias is not None or mat_b.dim() != 3 or (mat_a.dim() == 2) != (offs is not None):
        raise NotImplementedError("grouped_mm in this form")
    if offs is None:
        return mat_a @ mat_b
    ends = [int(end) for end in offs]
    starts = [0, *ends[:-1]]
    parts = [
        mat_a[start:end] @ matrix for start, end, matrix in zip(starts, ends, mat_b, strict=True)
    ]
    rest = mat_a.new_zeros(len(mat_a) - ends[-1], mat_b.shape[-1])  # rows of no group
    return torch.cat([*parts, rest])
