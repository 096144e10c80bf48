"""A sliding window that keeps the first keys in sight: attention sinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import Plain, Setting, Unsupported, variant
from bench.compilation import Compiled, compiled_if
from suites.attention.band import hidden_in_band, with_previous
from suites.attention.inputs import QKV, expect_positive
from suites.attention.problem import SoftmaxAttention


@dataclass(frozen=True)
class SinkAttention(SoftmaxAttention):
    """Causal softmax attention over the last `window` keys and the first `sinks`.

    StreamingLLM, Xiao et al. 2023 (arXiv:2309.17453), section 3.2, with positions as they are.
    """

    window: int | None = 256
    sinks: int = 4

    like: ClassVar[dict[str, str]] = {"window": ""}  # most models have none
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_heads": 2, "seqlen_q": 256, "head_dim": 16, "window": 32},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 96, "head_dim": 16, "window": 48},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "sinks")
        if self.window is None or not self.causal or self.sinks > self.window:
            raise ValueError("expected causal attention, and a window from sinks to below seqlen")

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        return super().sees(query, key) | ((key < self.sinks) & (key <= query))

    def visible_pairs(self) -> int:
        hidden = (max(query + 1 - (self.window or 0), 0) for query in range(self.seqlen_q))
        return super().visible_pairs() + sum(min(number, self.sinks) for number in hidden)


@variant(marks=["pattern"])
def banded_sinks(
    problem: SinkAttention, *, setting: Setting, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """A band in blocks of `window`, and beside it the sinks that it has left behind."""
    window, sinks, group = problem.window, problem.sinks, problem.group
    if window is None or problem.seqlen_q % window:
        raise Unsupported("needs a window that divides seqlen")
    in_band = hidden_in_band(window, problem.seqlen_q // window, setting.device)
    query = torch.arange(problem.seqlen_q, device=setting.device).unflatten(0, (-1, window))
    in_sight = query[..., None] - torch.arange(sinks, device=setting.device) < window

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        q = q * problem.head_dim**-0.5
        first = (q @ k[:, :, :sinks].transpose(-2, -1)).unflatten(2, (-1, window))
        band = q.unflatten(2, (-1, window)) @ with_previous(k, window).transpose(-2, -1)
        parts = band.masked_fill(in_band, -torch.inf), first.masked_fill(in_sight, -torch.inf)
        band, first = torch.cat(parts, -1).softmax(-1).split([2 * window, sinks], -1)
        out = (band @ with_previous(v, window)).flatten(2, 3)
        return out + first.flatten(2, 3) @ v[:, :, :sinks]

    return compiled_if(compiled, step)
