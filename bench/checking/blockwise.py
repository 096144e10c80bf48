"""References cut into blocks, so that an n x n float64 reference fits in memory at any n."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.checking.operator import Operands, Operator

Index = tuple[slice | int, ...]


@dataclass(frozen=True)
class Block:
    """A part of the output that can be computed from parts of the inputs alone."""

    output: Index
    inputs: tuple[Index, ...]
    function: Callable[..., Tensor]


class BlockwiseOperator(Operator):
    """An operator whose reference is given as blocks that tile the output."""

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """Cut the computation into blocks; blocks may share inputs, never outputs."""

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Compute output (and gradients, where the operands carry one) in `dtype`, by blocks.

        Gradients of inputs shared by several blocks are summed in float64, so that cutting finer
        does not make the low-precision reference worse.
        """
        tensors, backward = operands.tensors, operands.grad_output is not None
        output = torch.empty(self.output_shape(), dtype=dtype, device=tensors[0].device)
        sums = [torch.zeros_like(t, dtype=torch.float64, requires_grad=False) for t in tensors]
        for block in self.blocks():
            pieces = [
                tensor.detach()[index].to(dtype).requires_grad_(backward)
                for tensor, index in zip(tensors, block.inputs, strict=True)
            ]
            with torch.set_grad_enabled(backward):
                part = block.function(*pieces)
            output[block.output] = part.detach()
            if operands.grad_output is None:
                continue
            upstream = operands.grad_output[block.output].to(dtype)
            gradients = torch.autograd.grad(part, pieces, upstream)
            for total, index, gradient in zip(sums, block.inputs, gradients, strict=True):
                total[index] += gradient
        return [output, *(total.to(dtype) for total in sums)] if backward else [output]
