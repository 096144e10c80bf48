"""Mamba-2 by its authors' Triton kernels: the chunked scan, and the whole layer in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.mixers.mamba2 import Mamba2
from suites.mixers.pieces import EPS, wide
from suites.mixers.problem import Contestant, Mixing
from suites.models.on_gpu import expect_gpu

NEEDS = ["mamba_ssm", "causal_conv1d"]
EIGHT = 8  # what the convolution's channels and their strides are to be multiples of


class ScannedMamba2(Mamba2):
    """Mamba-2 whose short convolution and chunked recurrence are kernels."""

    decodes = False

    def __init__(
        self, width: int, num_heads: int, state: int, chunk: int, convolve: Any, scan: Any
    ):
        super().__init__(width, num_heads, state=state, chunk=chunk)
        self.convolve_silu, self.chunk_scan = convolve, scan

    def mix(self, x_BSW: Tensor) -> Tensor:
        n, e = self.state, self.inner
        z, xbc, step_BSH = self.project(x_BSW).split([e, e + 2 * n, self.num_heads], -1)
        if xbc.stride(1) % EIGHT:
            xbc = xbc.contiguous()
        taps_ET = self.convolution.weight.T.contiguous()
        convolved = self.convolve_silu(xbc.mT, taps_ET, self.convolution.bias, activation="silu")
        x, b, c = convolved.mT.split([e, n, n], -1)
        mixed_BSHP = self.chunk_scan(
            x.unflatten(-1, (self.num_heads, -1)),
            step_BSH,
            -wide(self.log_a).exp(),
            b[:, :, None],  # of one group, which all heads share
            c[:, :, None],
            chunk_size=self.chunk,
            D=wide(self.skip),
            dt_bias=wide(self.step_bias),
            dt_softplus=True,
        )
        return self._gated(wide(mixed_BSHP.flatten(2)), z)


class SplitMamba2(Mamba2):
    """Mamba-2 whose layer after the first map is one call."""

    decodes = False

    def __init__(
        self, width: int, num_heads: int, state: int, chunk: int, split: Callable[..., Any]
    ):
        super().__init__(width, num_heads, state=state, chunk=chunk)
        self.split_kernel = split

    def mix(self, x_BSW: Tensor) -> Tensor:
        out: Tensor = self.split_kernel(
            self.project(x_BSW),
            self.convolution.weight.T.contiguous(),
            self.convolution.bias,
            wide(self.step_bias),
            -wide(self.log_a).exp(),
            wide(self.skip),
            chunk_size=self.chunk,
            activation="silu",
            rmsnorm_weight=self.gain,
            rmsnorm_eps=EPS,
            outproj_weight=self.out.weight,
            headdim=self.inner // self.num_heads,
            norm_before_gate=False,
        )
        return out


def _expect_channels(width: int, state: int) -> None:
    channels = 2 * width + 2 * state
    if channels % EIGHT:
        raise Unsupported(f"needs 2 (width + state) divisible by {EIGHT}, got {channels}")


@variant(marks=["gpu"], needs=NEEDS)
def mamba2_scan(
    problem: Mixing, *, setting: Setting, state: int = 64, chunk: int = 256
) -> Contestant:
    """Dao and Gu 2024 (arXiv:2405.21060), section 6, of mamba-ssm and causal-conv1d."""
    expect_gpu(setting)
    _expect_channels(problem.width, state)
    from causal_conv1d import causal_conv1d_fn
    from mamba_ssm.ops.triton.ssd_combined import mamba_chunk_scan_combined

    return problem.ask(
        lambda: ScannedMamba2(
            *(problem.width, problem.num_heads, state, chunk),
            convolve=causal_conv1d_fn,
            scan=mamba_chunk_scan_combined,
        ),
        setting,
    )


@variant(marks=["gpu"], needs=NEEDS)
def mamba2_split(
    problem: Mixing, *, setting: Setting, state: int = 64, chunk: int = 256
) -> Contestant:
    """The same with convolution, norm, gate and last map, `mamba_split_conv1d_scan_combined`."""
    expect_gpu(setting)
    _expect_channels(problem.width, state)
    from mamba_ssm.ops.triton.ssd_combined import mamba_split_conv1d_scan_combined

    return problem.ask(
        lambda: SplitMamba2(
            *(problem.width, problem.num_heads, state, chunk),
            split=mamba_split_conv1d_scan_combined,
        ),
        setting,
    )
