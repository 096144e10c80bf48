"""What state spaces with one input and output a channel share: S4 and S4D."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from suites.mixers.mixer import Recurrence, expect_form
from suites.mixers.pieces import wide

LEAST_STEP, MOST_STEP = 1e-3, 0.1


class StateSpace(Recurrence):
    """Channels with a step each and a skip, then a gated map, Gu et al. 2021 (arXiv:2111.00396).

    Subclass with the matrices, how the recurrence goes, and what its kernel takes.
    """

    def __init__(self, width: int, form: str):
        super().__init__(width)
        self.form = expect_form(form, "convolution", "recurrent")
        steps = torch.empty(width).uniform_(math.log(LEAST_STEP), math.log(MOST_STEP))
        self.log_step = nn.Parameter(steps)
        self.skip = nn.Parameter(torch.randn(width))
        self.out = nn.Linear(width, 2 * width)

    @abstractmethod
    def kernel_flops(self, seqlen: int) -> int:
        """Count what one channel's kernel of so many tokens takes."""

    def mix_flops(self, seqlen: int) -> int:
        """Count transforms of a padded sequence, the kernel, and the gated map."""
        padded = 2 * seqlen
        transforms = 3 * 5 * padded * math.ceil(math.log2(padded)) // 2
        channel = transforms + 6 * padded // 2 + self.kernel_flops(seqlen)
        return self.width * channel + 4 * seqlen * self.width**2

    def _read(self, y: Tensor, x: Tensor) -> Tensor:
        y = y + wide(self.skip) * wide(x)
        return F.glu(self.out(F.gelu(y.to(x.dtype))))


def convolve(x_BSW: Tensor, kernel_SW: Tensor) -> Tensor:
    """Convolve causally by FFT, padded with zeros so that no end meets a beginning."""
    length = x_BSW.shape[1]
    product = torch.fft.rfft(x_BSW, n=2 * length, dim=1) * torch.fft.rfft(
        kernel_SW, n=2 * length, dim=0
    )
    return torch.fft.irfft(product, n=2 * length, dim=1)[:, :length]
