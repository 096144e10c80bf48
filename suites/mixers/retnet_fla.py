"""RetNet by flash-linear-attention's Triton kernel of chunked retention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.mixers.pieces import wide
from suites.mixers.problem import Contestant, Mixing
from suites.mixers.retnet import RetNet
from suites.models.on_gpu import expect_gpu


class ChunkedRetNet(RetNet):
    """RetNet whose retention is a kernel over (B, S, H, D); its decays are those of the paper."""

    decodes = False

    def __init__(self, width: int, num_heads: int, retention: Callable[..., Any]):
        super().__init__(width, num_heads)
        self.retention = retention

    def mix(self, x_BSW: Tensor) -> Tensor:
        *qkv, gate_BSV = self._projected(x_BSW, 0)
        q, k, v = (x.transpose(1, 2) for x in qkv)
        mixed_BSHV, _ = self.retention(q, k, v, scale=1.0)  # keys are scaled already
        return self._gated(wide(mixed_BSHV).transpose(1, 2), gate_BSV)


@variant(marks=["gpu"], needs=["fla"])
def retnet_fla(problem: Mixing, *, setting: Setting) -> Contestant:
    """Sun et al. 2023 (arXiv:2307.08621), eq. 7, of flash-linear-attention (arXiv:2312.06635)."""
    expect_gpu(setting)
    from fla.ops.retention import chunk_retention

    return problem.ask(
        lambda: ChunkedRetNet(problem.width, problem.num_heads, chunk_retention), setting
    )
