"""Sinusoidal absolute positions."""

import torch
from torch import Tensor

from bench import Setting, variant
from suites.positions.absolute import Absolute
from suites.positions.problem import PositionedAttention
from suites.positions.sinusoid import WAVELENGTHS, sinusoid


class Sinusoidal(Absolute):
    """p_(pos, 2i) = sin(pos / 10000^(2i/M)), cos at 2i + 1: Vaswani et al. 2017, section 3.5."""

    def place(self, first: int) -> None:
        table_SM = sinusoid(self.standing(first), self.problem.dim)
        self.table_HSD = self.by_head(table_SM).to(self.setting.dtype).contiguous()

    def told(self) -> Tensor:
        return self.table_HSD

    def table(self, position_S: Tensor) -> Tensor:
        dim, position = self.problem.dim, position_S.double()
        columns = [
            (torch.cos if i % 2 else torch.sin)(position * WAVELENGTHS ** (-(i - i % 2) / dim))
            for i in range(dim)
        ]
        return torch.stack(columns, -1)


@variant
def sinusoidal(problem: PositionedAttention, *, setting: Setting) -> Sinusoidal:
    """Vaswani et al. 2017 (arXiv:1706.03762), section 3.5; added to queries, keys and values."""
    return Sinusoidal(problem, setting)
