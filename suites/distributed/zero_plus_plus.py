"""ZeRO++: less traffic for stage 3 (Wang et al. 2023, arXiv:2306.10209).

A second copy of the parameters in every group of ranks that are near each other (hpZ) spares the
gather for backward between groups; weights (qwZ) and gradients (qgZ) are quantised on their way.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.distributed.problem import Training
from suites.distributed.theory import Layout
from suites.distributed.zero3 import Zero3, partitioned_elements


class SecondaryPartitions(Zero3):
    """Stage 3 with parameters partitioned once more, over groups of `near` ranks."""

    near = 2
    one_group = False
    as_paper = False

    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        parameters: list[Any] = list(self.network.parameters())
        second = [p.ds_secondary_tensor for p in parameters if p.ds_secondary_tensor is not None]
        return {**super().tensors_by_kind(), "second_parameters": second}

    @classmethod
    def predicted_bytes(cls, layout: Layout) -> dict[str, float]:
        own = partitioned_elements(layout)
        second = layout.itemsize * own * layout.ranks / cls.near
        return {**Zero3.predicted_bytes(layout), "second_parameters": second}


@variant(marks=["grouped"])
def zero_plus_plus(
    problem: Training,
    *,
    setting: Setting,
    quantized_weights: bool = False,
    quantized_gradients: bool = False,
) -> SecondaryPartitions:
    """Keep a second copy of the parameters near, and quantise what goes far."""
    if setting.device.type == "cpu" and (quantized_weights or quantized_gradients):
        raise Unsupported("quantises by DeepSpeed's CUDA kernels, which a CPU has not")
    if setting.ranks < 2 * SecondaryPartitions.near or setting.ranks % SecondaryPartitions.near:
        raise Unsupported(f"needs several groups of {SecondaryPartitions.near} ranks")
    return SecondaryPartitions(
        problem,
        setting,
        zero_hpz_partition_size=SecondaryPartitions.near,
        zero_quantized_weights=quantized_weights,
        zero_quantized_gradients=quantized_gradients,
    )
