"""What several mixers are made of, and the same written out for their definitions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-6
BASE = 10_000.0  # of the rotation's wavelengths


def wide(x: Tensor) -> Tensor:
    """Cast to float32 at least: states and decays are never kept in 16 bits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def chunk_of(seqlen: int, chunk: int) -> int:
    """Return the length of chunks that tile a sequence: what both have in common."""
    return math.gcd(seqlen, chunk)


class RMSNorm(nn.Module):
    """x / rms(x) times a gain, Zhang and Sennrich 2019 (arXiv:1910.07467), eq. 4."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, EPS)


class FeedForward(nn.Module):
    """down(gelu(up(norm(x))))."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.norm = RMSNorm(width)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down(F.gelu(self.up(self.norm(x))))
        return out


class ShortConvolution(nn.Module):
    """A causal convolution of every channel by itself over the last `taps` tokens, then silu."""

    def __init__(self, channels: int, taps: int = 4):
        super().__init__()
        self.taps = taps
        bound = taps**-0.5
        self.weight = nn.Parameter(torch.empty(taps, channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x_BSE: Tensor, past_BTE: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve tokens that follow `past`, the taps - 1 before; return those before the next."""
        seen = torch.cat([past_BTE, x_BSE], 1)
        length = x_BSE.shape[1]
        out: Tensor = self.bias
        for tap, weight_E in enumerate(self.weight.unbind()):
            out = out + weight_E * seen.narrow(1, tap, length)
        return F.silu(out), seen.narrow(1, length, self.taps - 1)

    def empty(self, x_BSW: Tensor) -> Tensor:
        """Return the past of a first token."""
        return x_BSW.new_zeros(len(x_BSW), self.taps - 1, self.weight.shape[1])


@lru_cache(maxsize=16)
def rotation(
    start: int, length: int, dim: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return cos and sin (length, dim / 2) of positions from `start` on, made in float64."""
    powers = torch.arange(0, dim, 2, dtype=torch.float64, device=device) / dim
    positions = torch.arange(start, start + length, dtype=torch.float64, device=device)
    angles = positions[:, None] * BASE**-powers
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x_SD: Tensor, start: int = 0) -> Tensor:
    """Turn pairs of halves by the position, Su et al. 2021 (arXiv:2104.09864), eq. 34.

    The last two dimensions are tokens and an even number of features.
    """
    length, dim = x_SD.shape[-2:]
    cos, sin = rotation(start, length, dim, wide(x_SD[..., :0, :0]).dtype, x_SD.device)
    first, second = wide(x_SD).chunk(2, -1)
    turned = torch.cat([first * cos - second * sin, first * sin + second * cos], -1)
    return turned.to(x_SD.dtype)


def segment_sums(x_C: Tensor) -> Tensor:
    """Return sums over j < k <= i as [i, j], lower triangle; above it minus infinity.

    Sums of the segments themselves: differences of two running sums would lose what they share.
    """
    length = x_C.shape[-1]
    later = torch.ones(length, length, dtype=torch.bool, device=x_C.device).tril(-1)
    terms = x_C[..., :, None].expand(*x_C.shape, length).masked_fill(~later, 0.0)
    return terms.cumsum(-2).masked_fill(later.T, -torch.inf)


def plain_norm(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Write RMSNorm out."""
    scale = (wide(x).square().mean(-1, keepdim=True) + EPS).sqrt()
    return (wide(x) / scale * wide(weights[f"{name}.weight"])).to(x.dtype)


def plain_feed_forward(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Write the feed-forward out."""
    hidden = plain_norm(weights, f"{name}.norm", x) @ weights[f"{name}.up.weight"].T
    half = (1 + torch.erf(wide(hidden) / math.sqrt(2))) / 2
    return (wide(hidden) * half).to(x.dtype) @ weights[f"{name}.down.weight"].T


def plain_convolution(weights: Mapping[str, Tensor], name: str, x_BSE: Tensor) -> Tensor:
    """Write the short convolution out, and its silu."""
    kernel, total = weights[f"{name}.weight"], torch.zeros_like(x_BSE)
    taps = len(kernel)
    for lag in range(min(taps, x_BSE.shape[1])):
        shifted = torch.zeros_like(x_BSE)
        shifted[:, lag:] = x_BSE[:, : x_BSE.shape[1] - lag]
        total = total + kernel[taps - 1 - lag] * shifted
    total = total + weights[f"{name}.bias"]
    return total * torch.sigmoid(total)


def plain_rotate(x_SD: Tensor) -> Tensor:
    """Write the rotation out, as a product of complex numbers."""
    length, dim = x_SD.shape[-2:]
    real, imaginary = wide(x_SD)[..., : dim // 2], wide(x_SD)[..., dim // 2 :]
    inverse = torch.tensor(
        [BASE ** (-2 * i / dim) for i in range(dim // 2)], dtype=torch.float64, device=x_SD.device
    )
    angles = torch.outer(torch.arange(length, device=x_SD.device).double(), inverse)
    turn = torch.polar(torch.ones_like(angles), angles)
    turned = torch.complex(real, imaginary) * turn.to(torch.complex(real, real).dtype)
    return torch.cat([turned.real, turned.imag], -1).to(x_SD.dtype)
