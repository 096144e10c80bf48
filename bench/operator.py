"""A door for authors: operators, checked against a reference of themselves in float64."""

from bench.checking.blockwise import Block, BlockwiseOperator
from bench.checking.operator import Operands, Operator

__all__ = [
    "Block",
    "BlockwiseOperator",
    "Operands",
    "Operator",
]
