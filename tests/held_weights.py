"""Variants that hold a weight of one MiB in every way there is; `WAYS` has what each holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench import variant
from suites.faults.problem import Double
from tests import held_by_torch, held_in_layouts, held_in_types, held_outside_torch
from tests.held_in_types import Flat, Wrapper
from tests.holding import Ways, in_a_thread

__all__ = ["WAYS", "Flat", "Wrapper"]

WAYS: Ways = {
    **held_in_types.WAYS,
    **held_by_torch.WAYS,
    **held_in_layouts.WAYS,
    **held_outside_torch.WAYS,
}


@variant
def held(problem: Double, *, way: str = "nothing") -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Hold a weight made in set-up."""
    weight = WAYS[way][0]()

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        return (inputs[0] + inputs[0], weight)[0]

    return step


@variant
def held_lazily(problem: Double, *, way: str = "nothing") -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Hold a weight made in the first call."""
    kept: list[Any] = []

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        if not kept:
            kept.append(WAYS[way][0]())
        return inputs[0] + inputs[0]

    return step


@variant
def let_go(problem: Double, *, way: str = "nothing") -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Free in the first call what set-up made."""
    kept = [WAYS[way][0]()]

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        kept.clear()
        return inputs[0] + inputs[0]

    return step


@variant
def unseen(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Hold much that C++ made in another thread for itself: neither events nor tensors show it."""
    held: list[Any] = []

    def loss() -> None:
        scores = torch.ones(1, 1, requires_grad=True).expand(4, 8 << 18)
        with torch.enable_grad():  # the graph keeps their log-softmax
            held.append(nn.functional.cross_entropy(scores * 1, torch.zeros(4, dtype=torch.long)))

    in_a_thread(loss)
    return lambda inputs: (inputs[0] + inputs[0], held)[0]


@variant
def gone_unseen(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Free in another thread much that was made in this one."""
    held = [torch.ones(32 << 18)]
    in_a_thread(held.clear)
    return lambda inputs: (inputs[0] + inputs[0], held)[0]


@variant
def works_unseen(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Use much memory in a call that is no tensor's."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        np.ones(32 << 18, np.float32)
        return inputs[0] + inputs[0]

    return step
