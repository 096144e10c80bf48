"""DeepSpeed ZeRO stage 3: parameters, gradients and optimizer states partitioned.

Every tensor is cut into N equal parts, padded to fit. The paper gathers parameters for forward and
again for backward; the engine's defaults keep what fits its limits, so those are set to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any, ClassVar

from torch import Tensor, nn

from bench import Setting, variant
from suites.distributed.adam import state_tensors
from suites.distributed.deepspeed_engine import (
    BUCKET_ELEMENTS,
    DeepSpeedStrategy,
    import_deepspeed,
    offloaded,
    partition_bytes,
)
from suites.distributed.problem import Training
from suites.distributed.theory import Layout


class Zero3(DeepSpeedStrategy):
    """A rank keeps its part of every tensor and gathers a layer when it runs."""

    stage = 3
    zero_options: ClassVar[dict[str, Any]] = {
        "stage3_param_persistence_threshold": 0,
        "stage3_max_live_parameters": 0,
        "stage3_max_reuse_distance": 0,
        "stage3_prefetch_bucket_size": 0,
    }

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        optimizer = self.engine.optimizer
        parameters: list[Any] = list(self.network.parameters())  # the engine adds `ds_…` to each
        partitions = [p.ds_tensor for p in parameters]
        whole = [p.data for p in parameters if p.data.numel() == p.ds_numel]
        groups = optimizer.averaged_gradients.values()
        return {
            "parameters": partitions + whole,
            "gradients": [g for group in groups for g in group or []],
            "master_weights": list(optimizer.fp32_partitioned_groups_flat),
            "optimizer_state": state_tensors(self.updater),
            "buckets": [b.buffer for b in optimizer.ipg_buckets.values() if b.buffer is not None],
        }

    def full_parameters(self) -> list[Tensor]:
        with self.whole_parameters() as parameters:
            return [p.detach().clone() for p in parameters]

    @contextmanager
    def whole_parameters(self) -> Iterator[list[nn.Parameter]]:
        gathered = import_deepspeed(self.setting).zero.GatheredParameters
        parameters = list(self.network.parameters())
        with gathered(parameters, modifier_rank=0):
            yield parameters

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        own = partitioned_elements(layout)
        return {
            "parameters": layout.itemsize * own,
            "gradients": layout.itemsize * own,
            **partition_bytes(own),
            "buckets": layout.itemsize * BUCKET_ELEMENTS,
        }

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        padded = layout.ranks * partitioned_elements(layout)
        return {"all_gather": 2 * padded, "reduce_scatter": padded}

    @staticmethod
    def padding(layout: Layout) -> int:
        return layout.ranks * partitioned_elements(layout) - layout.num_parameters


def partitioned_elements(layout: Layout) -> int:
    """Count a rank's elements: every tensor is cut into equal parts, padded to fit."""
    return sum(ceil(size / layout.ranks) for size in layout.sizes)


@variant
def zero3(problem: Training, *, setting: Setting, offload: str | None = None) -> Zero3:
    """Partition everything; Rajbhandari et al. 2020 (arXiv:1910.02054).

    `offload=optimizer` keeps states and update on the host, `offload=parameters` those as well.
    """
    return Zero3(problem, setting, **offloaded(setting, offload, ("optimizer", "parameters")))
