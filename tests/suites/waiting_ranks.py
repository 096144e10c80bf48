"""Strategies of which one rank is late, on a problem whose check tells what ranks wait for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch.distributed as dist

from bench import Call, Setting, Verdict, variant
from suites.distributed import exposed
from suites.distributed.ddp import Ddp
from suites.distributed.problem import DataParallelTraining, TrainingCall
from suites.distributed.zero3 import Zero3

LATE_S = 0.3


@dataclass(frozen=True)
class Waited(DataParallelTraining):
    """The same training; its check leaves what its overheads are."""

    def check(self, call: Call, inputs: Any, setting: Setting) -> Verdict:
        assert isinstance(call, TrainingCall)
        found = exposed.overheads(call.strategy, inputs, setting)
        outputs = call(inputs)
        return Verdict(found, [(float("inf"), float("inf"))] * len(outputs))


class Late(Ddp):
    """One rank sleeps before backward, and the others wait for its gradients."""

    def backward(self, found: Any) -> None:
        if dist.get_rank() == 1:
            time.sleep(LATE_S)
        super().backward(found)


@variant
def late(problem: Waited, *, setting: Setting) -> Late:
    return Late(problem, setting)


@variant
def sharded(problem: Waited, *, setting: Setting) -> Zero3:
    return Zero3(problem, setting)
