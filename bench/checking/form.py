"""The form of an output: which tensors, of which shape and type, and what else is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.cases.problem import Incorrect
from bench.cases.tensors import as_real, leaves_of

OUT = "out"


@dataclass(frozen=True)
class Part:
    """One tensor of an output. A single one is `out`, else `out.` and its key: `out.logits`.

    `differentiable` says that a gradient can be asked of it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    differentiable: bool = False

    @property
    def has_error(self) -> bool:
        """Say whether it can be nearly right; other tensors are right or wrong."""
        return self.dtype.is_floating_point and 0 not in self.shape


def form_of(output: object) -> list[Part]:
    """Return the form of what a step returned."""
    return [
        Part(name, tuple(real.shape), real.dtype, leaf.requires_grad)
        for name, leaf in leaves_of(output, OUT)
        if isinstance(leaf, Tensor)
        for real in [as_real(leaf.detach())]
    ]


def not_compared(output: object) -> list[str]:
    """Name what is in an output and is no tensor, with its type."""
    return [
        f"{name} ({type(leaf).__name__})"
        for name, leaf in leaves_of(output, OUT)
        if not isinstance(leaf, Tensor)
    ]


def expect_form(outputs: Sequence[Tensor], expected: Sequence[Part]) -> None:
    """Raise `Incorrect` unless these outputs have the expected shapes and types, in order."""
    if len(outputs) != len(expected):
        names = ", ".join(part.name for part in expected)
        raise Incorrect(f"expected {len(expected)} tensors ({names}), got {len(outputs)}")
    for output, part in zip(outputs, expected, strict=True):
        if tuple(output.shape) != part.shape:
            raise Incorrect(f"{part.name}: expected shape {part.shape}, got {tuple(output.shape)}")
        if output.dtype != part.dtype:
            raise Incorrect(f"{part.name}: expected {part.dtype}, got {output.dtype}")
