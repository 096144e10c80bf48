"""FLOPs of an operator that ran, by torch's own formulas, and by ours where torch has none."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch.utils.flop_counter import (
    flop_registry,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

Formula = Callable[..., int]


def flops_of(called: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> int:
    """Count one call; 0 of an operator that no formula is known for, or that it does not fit."""
    formula = _formulas().get(getattr(called, "_overloadpacket", called))
    if formula is None:
        return 0
    try:
        return int(formula(*args, **kwargs, out_val=output))
    except (AssertionError, IndexError, RuntimeError, TypeError, ValueError):
        return 0


@cache
def _formulas() -> dict[Any, Formula]:
    """Return torch's formulas, and those of attention on a CPU, which torch counts as nothing."""
    aten, found = torch.ops.aten, dict(flop_registry)
    for name, formula in (
        ("_scaled_dot_product_flash_attention_for_cpu", _attention),
        ("_scaled_dot_product_flash_attention_for_cpu_backward", _attention_backward),
    ):
        if hasattr(aten, name):
            found.setdefault(getattr(aten, name), formula)
    return found


def _attention(q: Any, k: Any, v: Any, *_: Any, out_val: Any = None, **__: Any) -> int:
    return sdpa_flop_count(q.shape, k.shape, v.shape)


def _attention_backward(
    gradient: Any, q: Any, k: Any, v: Any, *_: Any, out_val: Any = None, **__: Any
) -> int:
    return sdpa_backward_flop_count(gradient.shape, q.shape, k.shape, v.shape)
