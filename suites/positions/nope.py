"""No position encoding: what any other costs and tells is seen beside it."""

from torch import Tensor

from bench import Setting, variant
from suites.positions.encoding import Encoding
from suites.positions.problem import PositionedAttention
from suites.positions.workload import QKV


class Nope(Encoding):
    """q k / sqrt(D): Kazemnejad et al. 2023 (arXiv:2305.19466), section 3."""

    def forward(self, inputs: QKV) -> Tensor:
        return self.attend(*inputs)


@variant
def nope(problem: PositionedAttention, *, setting: Setting) -> Nope:
    """Tell nothing: a causal mask alone orders tokens."""
    return Nope(problem, setting)
