"""A door for authors: operators, checked against a reference of themselves in float64."""

from bench.checking.blockwise import Block, BlockwiseOperator
from bench.checking.form import Part
from bench.checking.operator import Operands, Operator, forward, forward_backward
from bench.checking.realisations import nudged

__all__ = [
    "Block",
    "BlockwiseOperator",
    "Operands",
    "Operator",
    "Part",
    "forward",
    "forward_backward",
    "nudged",
]
