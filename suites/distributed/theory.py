"""What the literature predicts: bytes of model states a rank, and traffic a step.

Rajbhandari et al. 2020, ZeRO (arXiv:1910.02054): section 3.1 counts the model states of Adam as
(2 + 2 + K) bytes a parameter in mixed precision, K = 12; section 5 and figure 1 divide them by the
stage; section 7 counts the traffic. Psi is the number of parameters, N the number of ranks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Bytes a parameter: of the parameter, its gradient, and the optimizer's states.
MIXED = (2, 2, 12)  # fp16 or bf16 weights and gradients; float32 weights, momentum and variance
FLOAT32 = (4, 4, 8)  # the same 16 without a second copy of the weights
PRECISIONS = {"float32": FLOAT32, "bf16_mixed": MIXED}
MASTER_SHARE = 4 / 12  # of the states in mixed precision: the float32 weights

# How many times the elements of a collective cross the paper's link: section 7.1 counts an
# all-reduce as a reduce-scatter and an all-gather.
PASSES = {
    "all_reduce": 2,
    "all_gather": 1,
    "reduce_scatter": 1,
    "all_to_all": 1,
    "broadcast": 1,
    "reduce": 1,
    "send": 1,
}
ROOTED = ("broadcast", "reduce")  # the whole buffer leaves a rank, or reaches one


@dataclass(frozen=True)
class Layout:
    """What a prediction may know: the shapes of the parameters in order, the ranks, this rank."""

    shapes: tuple[tuple[int, ...], ...]
    ranks: int
    rank: int = 0
    itemsize: int = 4  # bytes of a weight that the network computes with, and of its gradient

    @property
    def mixed(self) -> bool:
        """Say whether float32 weights are kept beside those that the network computes with."""
        return self.itemsize < 4

    @property
    def sizes(self) -> list[int]:
        return [_product(shape) for shape in self.shapes]

    @property
    def num_parameters(self) -> int:
        """Return Psi."""
        return sum(self.sizes)


def model_state_bytes(
    stage: int, num_parameters: float, ranks: int, per_parameter: tuple[int, int, int] = MIXED
) -> dict[str, float]:
    """Return the bytes a rank of each kind holds: 16 Psi for stage 0, 16 Psi / N for stage 3.

    Stage 1 partitions the optimizer states, 2 the gradients as well, 3 the parameters too.
    """
    parameters, gradients, states = (count * num_parameters for count in per_parameter)
    return {
        "parameters": parameters / (ranks if stage >= 3 else 1),
        "gradients": gradients / (ranks if stage >= 2 else 1),
        "optimizer_state": states / (ranks if stage >= 1 else 1),
    }


def paper_traffic(stage: int, num_parameters: int) -> int:
    """Return the elements a step moves: 2 Psi up to stage 2, 3 Psi for stage 3 (section 7)."""
    return (3 if stage >= 3 else 2) * num_parameters


def traffic(elements: Mapping[str, float]) -> float:
    """Add up collectives as the paper does; all-gather by its output, reduce-scatter by its input.

    ValueError where a collective has no place in that count.
    """
    unknown = set(elements) - set(PASSES)
    if unknown:
        raise ValueError(f"expected collectives among {', '.join(PASSES)}, got {sorted(unknown)}")
    return sum(PASSES[name] * count for name, count in elements.items())


def ring_bytes(collective: str, num_bytes: float, ranks: int) -> float:
    """Return the bytes the busiest rank sends in a ring: 2 (N-1)/N of an all-reduced buffer.

    Half of that where ranks end up with parts, or begin with them; all of it to or from a root. For
    buffers as nccl-tests counts them this is busbw times the seconds. Patarasuk and Yuan 2009,
    Bandwidth optimal all-reduce algorithms for clusters of workstations.
    """
    if collective in ROOTED:
        return num_bytes
    return PASSES[collective] * num_bytes * (ranks - 1) / ranks


def gloo_bytes(elements: Mapping[str, float], itemsize: int, ranks: int) -> float | None:
    """Return the bytes a rank sends over gloo; None where it depends on the rank.

    Gloo has no reduce-scatter of its own: torch runs it as an all-reduce of the whole input.
    """
    if any(elements.get(name) for name in ROOTED):
        return None  # trees and rooted rings: some ranks send more than others
    as_run = {"reduce_scatter": "all_reduce"}
    return sum(
        ring_bytes(as_run.get(name, name), count * itemsize, ranks)
        for name, count in elements.items()
    )


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size
