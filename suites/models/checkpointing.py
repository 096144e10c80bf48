"""Activation checkpointing: what a layer computed is dropped, and computed again in backward.

Chen et al. 2016, Training deep nets with sublinear memory cost (arXiv:1604.06174): of sqrt(L)
segments of sqrt(L) layers each, the segments' inputs and one segment's activations are kept. Or by
layer, all of it, or all but the results of products, which cost most to compute again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import ceil, isqrt
from typing import Any

import torch
from torch import Tensor, nn

from bench import Unsupported

KINDS = ("full", "sqrt", "selective")


def checkpoint(layers: Sequence[nn.Module], kind: str | None) -> None:
    """Have layers recomputed in backward, in place; None leaves them as they are."""
    expect_kind(kind)
    if kind is None:
        return
    if not layers:
        raise Unsupported("has no list of layers to compute again")
    if kind == "sqrt":
        for first, last in segments(len(layers)):
            _as_one(layers[first:last])
        return
    again = _recomputing(kind == "selective")
    for layer in layers:
        layer.forward = partial(again, layer.forward)


def expect_kind(kind: str | None) -> None:
    """Raise ValueError for what is no kind of checkpointing."""
    if kind not in (None, *KINDS):
        raise ValueError(f"expected checkpointing {', '.join(KINDS)} or none, got {kind!r}")


def segments(num_layers: int) -> list[tuple[int, int]]:
    """Cut layers into about sqrt(L) runs of about sqrt(L); return where each begins and ends."""
    length = ceil(num_layers / max(isqrt(num_layers), 1))
    return list(pairwise([*range(0, num_layers, length), num_layers]))


def _as_one(layers: Sequence[nn.Module]) -> None:
    """Let the first layer run all of a segment, and the others hand through what they get."""
    forwards = [layer.forward for layer in layers]

    def run(x: Any, *given: Any, **named: Any) -> Tensor:
        for forward in forwards:
            x = forward(x, *given, **named)
            if not isinstance(x, Tensor):
                raise Unsupported("needs layers that return one tensor to run several as one")
        return x

    layers[0].forward = partial(_recomputing(False), run)
    for layer in layers[1:]:
        layer.forward = _unchanged


def _unchanged(x: Tensor, *given: Any, **named: Any) -> Tensor:
    return x


def _recomputing(selective: bool) -> Callable[..., Any]:
    from torch.utils import checkpoint as torchs

    if not selective:
        return partial(torchs.checkpoint, use_reentrant=False)
    contexts = partial(torchs.create_selective_checkpoint_contexts, _products())
    return partial(torchs.checkpoint, use_reentrant=False, context_fn=contexts)


def _products() -> list[Any]:
    """Name the operators whose results are kept: matrix products and attention."""
    aten = torch.ops.aten
    return [
        *(aten.mm.default, aten.addmm.default, aten.bmm.default),
        aten._scaled_dot_product_flash_attention_for_cpu.default,
        aten._scaled_dot_product_flash_attention.default,
        aten._scaled_dot_product_efficient_attention.default,
        aten._scaled_dot_product_cudnn_attention.default,
    ]
