"""Mamba by its authors' CUDA kernels: the selective scan, and all that lies around it in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from bench import Setting, variant
from suites.mixers.mamba import Mamba
from suites.mixers.pieces import wide
from suites.mixers.problem import Contestant, Mixing
from suites.models.on_gpu import UP_TO_FLOAT32, expect_gpu

# Newer releases of mamba-ssm leave the scan out unless they are built with it.
NEEDS = ["mamba_ssm", "selective_scan_cuda", "causal_conv1d"]


class ScannedMamba(Mamba):
    """Mamba whose short convolution and recurrence are kernels, each over (B, E, S)."""

    decodes = False

    def __init__(self, width: int, state: int, convolve: Callable[..., Any], scan: Any):
        super().__init__(width, state=state)
        self.convolve_silu, self.selective_scan = convolve, scan

    def mix(self, x_BSW: Tensor) -> Tensor:
        x, z = by_channel(self.project.weight, x_BSW).chunk(2, 1)
        taps_ET = self.convolution.weight.T.contiguous()
        x_BES = self.convolve_silu(x, taps_ET, self.convolution.bias, activation="silu")
        parts = self.select(x_BES.mT).split([self.rank, self.state, self.state], -1)
        rank_BSR, b_BSN, c_BSN = parts
        mixed_BES = self.selective_scan(
            x_BES,
            by_channel(self.step.weight, rank_BSR),
            -wide(self.log_a).exp(),
            b_BSN.mT,
            c_BSN.mT,
            wide(self.skip),
            z=z,
            delta_bias=wide(self.step.bias),
            delta_softplus=True,
        )
        out: Tensor = self.out(mixed_BES.mT)
        return out


class InnerMamba(Mamba):
    """Mamba whose convolution, maps, recurrence and gate are one call, which keeps little."""

    decodes = False

    def __init__(self, width: int, state: int, inner: Callable[..., Any]):
        super().__init__(width, state=state)
        self.inner_kernel = inner

    def mix(self, x_BSW: Tensor) -> Tensor:
        out: Tensor = self.inner_kernel(
            by_channel(self.project.weight, x_BSW),
            self.convolution.weight.T.contiguous()[:, None],
            self.convolution.bias,
            self.select.weight,
            self.step.weight,
            self.out.weight,
            None,  # no bias of the last map
            -wide(self.log_a).exp(),
            D=wide(self.skip),
            delta_bias=wide(self.step.bias),
            delta_softplus=True,
        )
        return out


def by_channel(weight_EI: Tensor, x_BSI: Tensor) -> Tensor:
    """Map features to (B, E, S) with tokens next to each other, as the kernels read them."""
    mapped = weight_EI @ x_BSI.flatten(0, 1).T
    return mapped.unflatten(1, x_BSI.shape[:2]).transpose(0, 1)


@variant(marks=["gpu"], needs=NEEDS)
def mamba_scan(problem: Mixing, *, setting: Setting, state: int = 16) -> Contestant:
    """Gu and Dao 2023 (arXiv:2312.00752), section 3.3.2, of mamba-ssm and causal-conv1d."""
    expect_gpu(setting, dtypes=UP_TO_FLOAT32)
    from causal_conv1d import causal_conv1d_fn
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    return problem.ask(
        lambda: ScannedMamba(problem.width, state, causal_conv1d_fn, selective_scan_fn), setting
    )


@variant(marks=["gpu"], needs=NEEDS)
def mamba_inner(problem: Mixing, *, setting: Setting, state: int = 16) -> Contestant:
    """The same with the maps in between, mamba-ssm's `mamba_inner_fn`: parts are made again."""
    expect_gpu(setting, dtypes=UP_TO_FLOAT32)
    from mamba_ssm.ops.selective_scan_interface import mamba_inner_fn

    return problem.ask(lambda: InnerMamba(problem.width, state, mamba_inner_fn), setting)
