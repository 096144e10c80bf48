"""DeepSpeed ZeRO stage 1: optimizer states partitioned, gradients and parameters replicated."""

from __future__ import annotations

from torch import Tensor

from bench import Setting, variant
from suites.distributed.deepspeed_engine import (
    DeepSpeedStrategy,
    flat_bytes,
    flat_padding,
    flat_tensors,
    padded_elements,
)
from suites.distributed.problem import DataParallelTraining
from suites.distributed.theory import Layout


class Zero1(DeepSpeedStrategy):
    """A rank updates its partition; without accumulation it drops other gradients at once."""

    stage = 1

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        return flat_tensors(self.engine)

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        return flat_bytes(layout)

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        return {"all_reduce": layout.num_parameters, "all_gather": padded_elements(layout)}

    @staticmethod
    def padding(layout: Layout) -> int:
        return flat_padding(layout)


@variant
def zero1(problem: DataParallelTraining, *, setting: Setting) -> Zero1:
    """Partition the optimizer states."""
    return Zero1(problem, setting)
