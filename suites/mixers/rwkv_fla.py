"""RWKV-4 by flash-linear-attention's Triton kernel: one program a channel, token after token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench import Setting, variant
from suites.mixers.pieces import wide
from suites.mixers.problem import Contestant, Mixing
from suites.mixers.rwkv import Rwkv
from suites.models.on_gpu import UP_TO_FLOAT32, expect_gpu


class FusedRwkv(Rwkv):
    """RWKV-4 whose sums are a kernel, in float32, from a state (B, 3, 1, W) on."""

    decodes = False

    def __init__(self, width: int, sums: Callable[..., Any]):
        super().__init__(width)
        self.sums = sums

    def mix(self, x_BSW: Tensor) -> Tensor:
        before_BW, *nothing = self.empty(x_BSW)
        shifted_BSW = torch.cat([before_BW[:, None], x_BSW[:, :-1]], 1)
        r, k, v = self._projected(x_BSW, shifted_BSW)
        state = torch.stack(nothing, 1)[:, :, None]
        mixed_BSW, _ = self.sums(wide(self.log_decay), wide(self.bonus), k, v, state)
        return self._received(r, mixed_BSW)


@variant(marks=["gpu"], needs=["fla"])
def rwkv_fla(problem: Mixing, *, setting: Setting) -> Contestant:
    """Peng et al. 2023 (arXiv:2305.13048), appendix D, of flash-linear-attention."""
    expect_gpu(setting, dtypes=UP_TO_FLOAT32)
    from fla.ops.rwkv4 import fused_recurrent_rwkv4

    return problem.ask(lambda: FusedRwkv(problem.width, fused_recurrent_rwkv4), setting)
