"""Forward and backward in pieces of a batch's rows, where all of it would not fit beside a case."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from suites.precision.workload import Batch, Workload

PIECE_ELEMENTS = 1 << 10  # of the first tensor of a batch: tokens, or pixels
Gradients = list[Tensor | None]


def forward_backward(
    problem: Workload, network: nn.Module, batch: Batch, weights: Sequence[Tensor]
) -> tuple[Tensor, Gradients]:
    """Return the output, and the gradient of the loss by each weight; None of one not used.

    In pieces the loss is taken of the whole output, and its gradient by the output goes back
    through one piece at a time: the same gradients, whatever the loss is.
    """
    if not problem.rows_apart or (rows := _rows_at_once(batch)) >= len(batch[0]):
        output = problem.output(network, batch)
        return output, list(_gradients(problem.loss_of(output, batch), weights))
    pieces = list(zip(*(tensor.split(rows) for tensor in batch), strict=True))
    with torch.no_grad():
        output = torch.cat([problem.output(network, piece) for piece in pieces])
    output.requires_grad_()
    (upstream,) = torch.autograd.grad(problem.loss_of(output, batch), output)
    found: Gradients = [None] * len(weights)
    for piece, grad in zip(pieces, upstream.split(rows), strict=True):
        part = _gradients(problem.output(network, piece), weights, grad)
        found = [_sum(a, b) for a, b in zip(found, part, strict=True)]
    return output, found


def _rows_at_once(batch: Batch) -> int:
    return max(PIECE_ELEMENTS // max(batch[0][0].numel(), 1), 1)


def _gradients(
    end: Tensor, weights: Sequence[Tensor], upstream: Tensor | None = None
) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(end, weights, upstream, allow_unused=True)


def _sum(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return second if first is None else first
    return first.add_(second)
