"""Samples in the order they were taken, dealt out to two sides.

Shapes: C cases, S slots (one fresh process each, in order of time), V values in a process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]  # (C, S, V) or (C, processes, V), in seconds
CHANGES = (0.01, 0.02, 0.03, 0.05, 0.10)  # by how much one case is slower


@dataclass(frozen=True)
class Draw:
    """What every slot takes if nothing has changed, and case 0 (C = `CHANGES`) where it has."""

    unchanged_CSV: Times
    changed_CSV: Times


class Source(Protocol):
    """Where samples come from: drawn noise, or a pool of recorded rounds."""

    def draw(self, rng: np.random.Generator, slots: int, values: int) -> Draw: ...

    def stages(self, rng: np.random.Generator, slots: Sequence[int], values: int) -> Iterator[Draw]:
        """Draw stage after stage, none of which shares a process with another."""


def apart(draw: Draw) -> tuple[Times, Times]:
    """Deal out one side wholly before the other; rows are all cases, then case 0 by change."""
    base, new = _rows(draw)
    half = base.shape[1] // 2
    return base[:, :half], new[:, half:]


def interleaved(draw: Draw, rng: np.random.Generator) -> tuple[Times, Times]:
    """Deal out neighbouring slots as pairs, which side goes first drawn by lot a case and pair."""
    base, new = _rows(draw)
    num_cases = len(draw.unchanged_CSV)
    new_second = rng.random((num_cases, base.shape[1] // 2)) < 0.5
    second = np.vstack([new_second, np.repeat(new_second[:1], len(base) - num_cases, axis=0)])
    picked = second[..., None]
    return (
        np.where(picked, base[:, 0::2], base[:, 1::2]),
        np.where(picked, new[:, 1::2], new[:, 0::2]),
    )


def _rows(draw: Draw) -> tuple[Times, Times]:
    """Return what slots take as base and as new: (cases + changes, slots, values)."""
    unchanged = draw.unchanged_CSV
    base = np.concatenate([unchanged, np.repeat(unchanged[:1], len(draw.changed_CSV), axis=0)])
    return base, np.concatenate([unchanged, draw.changed_CSV])
