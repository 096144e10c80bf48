"""Strategies on a problem whose check tells which of our own lines read a tensor back in a step.

On a CPU no step waits for a device. But a line that would, on a GPU, asks a tensor for a number, a
list, a shape that depends on numbers, or a copy on the host; and asks for it in Python.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench import Call, Setting, Variant, Verdict, variant
from suites.distributed import ddp, fsdp2, zero1, zero2, zero3, zero_redundancy_optimizer
from suites.distributed.problem import DataParallelTraining

ROOT = Path(__file__).resolve().parents[2]
OURS = (str(ROOT / "bench"), str(ROOT / "suites"), __file__)
READS = {
    *(Tensor.item, Tensor.tolist, Tensor.cpu, Tensor.numpy, Tensor.nonzero, Tensor.equal),
    *(Tensor.__bool__, Tensor.__float__, Tensor.__int__, Tensor.__index__, Tensor.__contains__),
    *(torch.equal, torch.nonzero, torch.masked_select, Tensor.masked_select, torch.unique),
}


class ReadBack(TorchFunctionMode):
    """Keeps the lines of ours that ask for what waits."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        caller = sys._getframe(1)
        file = caller.f_code.co_filename
        if func in READS and file.startswith(OURS):
            self.lines.append(f"{Path(file).name}:{caller.f_lineno}")
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Watched(DataParallelTraining):
    """The same training; its check takes two steps, and looks at the second."""

    def check(self, call: Call, inputs: Any, setting: Setting) -> Verdict:
        call(inputs)
        with ReadBack() as found:
            outputs = call(inputs)
        told = {"read_back": " ".join(found.lines)} if found.lines else {}
        return Verdict([], [(float("inf"), float("inf"))] * len(outputs), told)


def _watched(strategy: Variant) -> Variant:
    build: Callable[..., Any] = strategy.function

    def built(problem: Watched, *, setting: Setting) -> Any:
        return build(problem, setting=setting, **strategy.options)

    built.__name__ = strategy.name
    built.__annotations__["problem"] = Watched
    return variant(built)


STRATEGIES = (
    *(ddp.ddp, fsdp2.fsdp2, fsdp2.fsdp2_no_reshard, zero1.zero1, zero2.zero2, zero3.zero3),
    zero_redundancy_optimizer.zero_redundancy_optimizer,
)
(
    *(watched_ddp, watched_fsdp2, watched_kept, watched_zero1, watched_zero2, watched_zero3),
    watched_zero_redundancy,
) = map(_watched, STRATEGIES)


class Looks(ddp.Ddp):
    """A strategy that looks at its loss in every step."""

    def forward(self, batch: Any) -> Tensor:
        found = super().forward(batch)
        self.last = float(found)
        return found


@variant
def looks(problem: Watched, *, setting: Setting) -> Looks:
    return Looks(problem, setting)
