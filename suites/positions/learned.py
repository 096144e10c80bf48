"""Learned absolute positions: a table with a row for every position of the context."""

from torch import Tensor

from bench import Setting, variant
from suites.positions.absolute import Absolute
from suites.positions.problem import PositionedAttention


class Learned(Absolute):
    """p_pos is row pos of a parameter (P, M): Gehring et al. 2017 (arXiv:1705.03122), section 3.1.

    Beyond the context there is no row, so that it cannot be asked there at all.
    """

    def make(self) -> None:
        self.rows_PM = self.drawn(self.problem.positions, self.problem.dim)

    def place(self, first: int) -> None:
        self.first = first

    def told(self) -> Tensor:
        return self.by_head(self.rows_PM.narrow(0, self.first, self.problem.seqlen))

    def table(self, position_S: Tensor) -> Tensor:
        return self.rows_PM[position_S]


@variant
def learned(problem: PositionedAttention, *, setting: Setting) -> Learned:
    """Gehring et al. 2017 (arXiv:1705.03122), section 3.1; added to queries, keys and values."""
    return Learned(problem, setting)
