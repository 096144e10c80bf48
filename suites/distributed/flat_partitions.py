"""What DeepSpeed's stages 1 and 2 share: one flat buffer, cut into the ranks' partitions.

Without accumulation they hold and move the same: stage 1 too drops at once what it does not own.
"""

from __future__ import annotations

from itertools import accumulate
from math import ceil

from torch import Tensor

from suites.distributed.adam import state_tensors
from suites.distributed.deepspeed_engine import DeepSpeedStrategy, partition_bytes
from suites.distributed.theory import Layout

_START_ALIGNMENT = 2  # elements: where a rank's partition of the flat buffer may begin


class FlatPartitions(DeepSpeedStrategy):
    """A rank updates its partition of a buffer that holds all parameters in order."""

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        optimizer = self.engine.optimizer
        gradients = [g for group in optimizer.averaged_gradients.values() for g in group or []]
        gradients += [p.grad for p in self.engine.module.parameters() if p.grad is not None]
        return {
            "parameters": list(optimizer.bit16_groups_flat),
            "gradients": gradients,
            "master_weights": list(optimizer.single_partition_of_fp32_groups),
            "optimizer_state": state_tensors(self.updater),
        }

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        padded = padded_elements(layout)
        return {
            "parameters": layout.itemsize * padded,
            "gradients": layout.itemsize * touched_elements(layout),
            **partition_bytes(padded // layout.ranks),
        }

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        return {"all_reduce": layout.num_parameters, "all_gather": padded_elements(layout)}

    @staticmethod
    def padding(layout: Layout) -> int:
        return padded_elements(layout) - layout.num_parameters


def padded_elements(layout: Layout) -> int:
    """Count the flat buffer: all tensors in order, divisible by the ranks."""
    divisor = _START_ALIGNMENT * layout.ranks
    return ceil(layout.num_parameters / divisor) * divisor


def touched_elements(layout: Layout) -> int:
    """Count the gradients a rank keeps: of every tensor that reaches into its partition, whole."""
    partition = padded_elements(layout) // layout.ranks
    first, last = partition * layout.rank, partition * (layout.rank + 1)
    ends = list(accumulate(layout.sizes))
    kept = sum(
        size
        for end, size in zip(ends, layout.sizes, strict=True)
        if end > first and end - size < last
    )
    return kept + max(last - max(ends[-1], first), 0)  # zeros fill what no tensor covers
