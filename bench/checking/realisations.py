"""Independent draws of what rounding does to a result, and how large its errors are by place.

One plain computation is one draw: on few elements, or where few rows carry most of the error, the
next honest one may err several times as much. So a plain computation is repeated on inputs that
were moved by a few units in the last place, and every repetition is held to its own float64
result: the same sensitivity, other roundings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NUDGE = 4.0  # units in the last place: enough to round otherwise, too little to matter
MOST = 32
ENOUGH_ELEMENTS = 1 << 16  # of an output, over all realisations: their scatter is then small
MOST_ELEMENTS = 1 << 24  # of all inputs and outputs, over all realisations
LEAST_OF_FEW = 8  # of an output with so few elements that scatter is all there is to see
ENOUGH_FREEDOM = 64  # independent errors, over all realisations
CELL_MAX = 128  # elements in a row that share a scale
CELL_DRAWS = 32  # at least so many errors make a scale


@dataclass(frozen=True)
class Realisation:
    """Every output of one plain computation (`plain`), and of the same in float64 (`exact`)."""

    exact: Sequence[Tensor]
    plain: Sequence[Tensor]

    def errors(self) -> list[Tensor]:
        """Return the float64 error of every output."""
        pairs = zip(self.plain, self.exact, strict=True)
        return [plain.detach().double() - exact for plain, exact in pairs]


def realise(
    draw: Callable[[int], Realisation], num_inputs: int, most: int = MOST
) -> tuple[Sequence[Tensor], list[list[Tensor]]]:
    """Draw as often as it takes; return the first one's exact outputs, and all errors by output.

    `draw(0)` is the case itself, the others are moved; `num_inputs` counts the elements that go in.
    """
    first = draw(0)
    errors = [[error] for error in first.errors()]
    while not _enough(first.exact, errors, num_inputs, most):
        for known, error in zip(errors, draw(len(errors[0])).errors(), strict=True):
            known.append(error)
    return first.exact, errors


def _enough(
    exact: Sequence[Tensor], errors: Sequence[Sequence[Tensor]], num_inputs: int, most: int
) -> bool:
    """Say whether there are errors enough of every output.

    Few elements, or few independent errors among many, want more; a large case affords few.
    """
    count = len(errors[0])
    smallest = min(output.numel() for output in exact)
    total = max(num_inputs + sum(output.numel() for output in exact), 1)
    wanted = min(most, math.ceil(ENOUGH_ELEMENTS / max(smallest, 1)))
    least = min(wanted, LEAST_OF_FEW) if smallest < total // 8 else 1
    afforded = max(MOST_ELEMENTS // total, least)
    if count < min(wanted, afforded):
        return False
    if count >= min(most, afforded):
        return True
    return all(
        count * spread(output, found).freedom >= ENOUGH_FREEDOM
        for output, found in zip(exact, errors, strict=True)
    )


def nudged(tensor: Tensor, generator: torch.Generator, unit: torch.dtype | None = None) -> Tensor:
    """Move every element by up to `NUDGE` units in the last place of its dtype, or of another.

    Integers stay as they are.
    """
    if not tensor.is_floating_point():
        return tensor
    drawn = torch.rand(
        tensor.shape, generator=generator, dtype=torch.float64, device=generator.device
    )
    uniform = 2 * drawn - 1
    factor = 1 + NUDGE * torch.finfo(unit or tensor.dtype).eps * uniform.to(tensor.device)
    moved = (tensor.detach().double() * factor).to(tensor.dtype)
    return moved.requires_grad_(tensor.requires_grad)


def nudge_weights(network: nn.Module, dtype: torch.dtype, realisation: int) -> nn.Module:
    """Move a network's weights by units of `dtype`, and return it; realisation 0 stays as it is."""
    if realisation:
        generator = torch.Generator().manual_seed(realisation)
        with torch.no_grad():
            for weight in network.parameters():
                weight.copy_(nudged(weight, generator, dtype))
    return network


@dataclass(frozen=True)
class Spread:
    """Errors of plain realisations of one output, summed up.

    `l2` is their root mean square L2 norm, `element` that of one element. `by_cell` holds the root
    mean square error of neighbouring elements, `exact_by_cell` that of the exact values there
    (cells,). `gain` is the error along the exact output, relative to it: that of a wrong scale.
    `count` realisations have `freedom` independent errors each.
    """

    l2: float
    element: float
    along: float
    by_cell: Tensor
    exact_by_cell: Tensor
    cell: int
    count: int
    freedom: float

    def spread_out(self, by_cell: Tensor, like: Tensor) -> Tensor:
        """Give every element what its cell has, in the shape of the output."""
        return by_cell.repeat_interleave(self.cell)[: like.numel()].reshape(like.shape)


def spread(exact: Tensor, errors: Sequence[Tensor]) -> Spread:
    """Sum up the errors (float64) of at least one realisation of an output."""
    cell = _cell(exact, len(errors))
    sizes = _cells(torch.ones_like(exact), cell).sum(1)
    exact_cells = _cells(exact, cell)
    squares, along = torch.zeros_like(sizes), torch.zeros_like(sizes)
    for error in errors:
        cells = _cells(error, cell)
        squares += cells.square().sum(1) / len(errors)
        along += (cells * exact_cells).sum(1).square() / len(errors)
    total, norm = float(squares.sum()), float(exact.norm())
    seen = sum(float((error * exact).sum()) ** 2 for error in errors) / len(errors)
    return Spread(
        l2=math.sqrt(total),
        element=math.sqrt(total / exact.numel()),
        along=math.sqrt(max(float(along.sum()), seen)) / norm if norm else 0.0,
        by_cell=(squares / sizes).sqrt(),
        exact_by_cell=(exact_cells.square().sum(1) / sizes).sqrt(),
        cell=cell,
        count=len(errors),
        freedom=_freedom(squares, [float(e.square().sum()) for e in errors], exact.numel()),
    )


def _freedom(squares: Tensor, totals: list[float], numel: int) -> float:
    """Tell how many independent errors one realisation has, at least 1.

    A sum of squares of n independent normal errors scatters by sqrt(2 / n) of itself. Where there
    are too few realisations to see it, cells are taken to err as one: a share of the error each.
    """
    total = sum(totals) / len(totals)
    if total == 0:
        return 1.0
    by_cells = total**2 / float(squares.square().sum())
    if len(totals) < MOST // 2:
        return max(min(by_cells, numel), 1.0)
    scatter = sum((t / total - 1) ** 2 for t in totals) / (len(totals) - 1)
    return max(min(2 / max(scatter, 2 / numel), numel), 1.0)


def _cell(exact: Tensor, count: int) -> int:
    """Choose how many neighbours share a scale: a row, or so many rows that the scale is known."""
    row = min(exact.shape[-1] if exact.dim() else 1, CELL_MAX)
    rows = math.ceil(CELL_DRAWS / (row * count))
    return int(min(row * rows, max(exact.numel(), 1)))


def _cells(tensor: Tensor, cell: int) -> Tensor:
    """Cut into cells (cells, elements); zeros fill the last one."""
    flat = tensor.reshape(-1)
    return F.pad(flat, (0, -flat.numel() % cell)).reshape(-1, cell)
