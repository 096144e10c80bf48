"""What the literature says of data parallelism, put to a run. Torch-free.

Psi is the number of parameters, N the number of ranks. Training in float32 holds 16 bytes a
parameter like mixed precision does: 4 + 4 + 8 instead of 2 + 2 + 12. The ZeRO paper counts mixed
precision; what an engine keeps beside it in float32 makes the claims on float32 another matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.claims import Finding, Record, Verdict, claim
from suites.distributed import leeway
from suites.distributed.byte_claims import (
    mixed_replicas_hold_16_bytes_a_parameter,
    mixed_stage_1_holds_4_and_12_bytes_over_n,
    mixed_stage_2_holds_2_and_14_bytes_over_n,
    mixed_stage_3_holds_16_bytes_over_n,
    replicas_hold_16_bytes_a_parameter,
    stage_1_partitions_optimizer_states,
    stage_2_partitions_gradients,
    stage_3_partitions_everything,
)
from suites.distributed.checkpointing_claims import (
    checkpoints_cost_a_forward_more,
    checkpoints_keep_sqrt_of_layers,
)
from suites.distributed.claimed import (
    BYTES_WITHIN,
    ZERO,
    asked,
    by_rank_of,
    finding,
    named,
    precision_of,
    training,
    within,
)
from suites.distributed.contrastive_claims import (
    contrastive_logits_and_traffic_are_as_planned,
    contrastive_loss_is_that_of_one_process,
    siglip_gathers_nothing,
    siglip_holds_b_squared_logits,
)
from suites.distributed.loss_gap import LOSS_WITHIN, loss_gap
from suites.distributed.planning.claims import a_step_is_predicted_at_a_world_size_never_fitted
from suites.distributed.time_claims import (
    gathering_again_for_backward_costs_time,
    replicas_hide_communication_behind_backward,
    replicas_scale_near_linearly,
    stage_3_takes_at_most_half_more,
    stages_1_and_2_take_no_longer_than_replicas,
)

# Told in modules of their own.
__all__ = [
    "a_step_is_predicted_at_a_world_size_never_fitted",
    "checkpoints_cost_a_forward_more",
    "checkpoints_keep_sqrt_of_layers",
    "contrastive_logits_and_traffic_are_as_planned",
    "contrastive_loss_is_that_of_one_process",
    "gathering_again_for_backward_costs_time",
    "mixed_replicas_hold_16_bytes_a_parameter",
    "mixed_stage_1_holds_4_and_12_bytes_over_n",
    "mixed_stage_2_holds_2_and_14_bytes_over_n",
    "mixed_stage_3_holds_16_bytes_over_n",
    "replicas_hide_communication_behind_backward",
    "replicas_hold_16_bytes_a_parameter",
    "replicas_scale_near_linearly",
    "siglip_gathers_nothing",
    "siglip_holds_b_squared_logits",
    "stage_1_partitions_optimizer_states",
    "stage_2_partitions_gradients",
    "stage_3_partitions_everything",
    "stage_3_takes_at_most_half_more",
    "stages_1_and_2_take_no_longer_than_replicas",
]

# Thresholds and their reasons; no run moves them. What theories leave out (padding of partitions,
# step counters) is counted from shapes and ranks and comes on top; see `leeway`.
TRAFFIC_WITHIN = 0.01  # of Psi
WIRE_WITHIN = 0.02  # headers of messages
WIRE_FROM_BYTES = 1 << 15  # of a buffer for every rank: in smaller messages headers are not small


@claim("each strategy's own accounting, made from shapes and ranks: suites/distributed")
def bytes_are_what_the_engine_plans(records: Sequence[Record]) -> Finding:
    """Every rank holds the bytes that its engine's accounting predicts, within 2 %."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in training(records):
        for rank, held, planned in by_rank_of(record, "model_states", "model_states_engine"):
            judged.append(within(held, planned, BYTES_WITHIN))
            figures.append(f"{named(record)}{rank}: {held:.0f} bytes, planned {planned:.0f}")
    return finding(judged, figures, "no case accounted for its bytes")


@claim("each strategy's own accounting, made from shapes and ranks: suites/distributed")
def traffic_is_what_the_engine_plans(records: Sequence[Record]) -> Finding:
    """A step moves exactly the elements its engine plans, padding included."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in training(records):
        moved, planned = (record.values[f"traffic{part}_elements"] for part in ("", "_engine"))
        judged.append(within(moved, planned, 0.0))
        figures.append(f"{named(record)}: {moved:.0f} elements, planned {planned:.0f}")
    return finding(judged, figures, "no case counted its traffic")


@claim(ZERO + "sections 7.1 and 7.2.1")
def traffic_is_2_psi_up_to_stage_2(records: Sequence[Record]) -> Finding:
    """Data parallelism and ZeRO up to stage 2 move 2 Psi elements a step."""
    return _traffic_of(records, 2)


@claim(ZERO + "section 7.2.2")
def traffic_is_3_psi_in_stage_3(records: Sequence[Record]) -> Finding:
    """Gathering parameters again for backward makes it 3 Psi elements a step."""
    return _traffic_of(records, 3)


@claim("Patarasuk and Yuan 2009; nccl-tests, doc/PERFORMANCE.md")
def a_ring_all_reduce_sends_2_shares(records: Sequence[Record]) -> Finding:
    """An all-reduce sends 2 (N-1)/N of the buffer from every rank."""
    return _wire_of(records, "AllReduce")


@claim("nccl-tests, doc/PERFORMANCE.md")
def a_ring_all_gather_sends_1_share(records: Sequence[Record]) -> Finding:
    """An all-gather sends (N-1)/N of the buffer from every rank."""
    return _wire_of(records, "AllGather")


@claim("nccl-tests, doc/PERFORMANCE.md")
def a_ring_reduce_scatter_sends_1_share(records: Sequence[Record]) -> Finding:
    """A reduce-scatter sends (N-1)/N of the buffer from every rank."""
    return _wire_of(records, "ReduceScatter")


@claim("nccl-tests, doc/PERFORMANCE.md")
def an_all_to_all_sends_1_share(records: Sequence[Record]) -> Finding:
    """An all-to-all sends (N-1)/N of the buffer from every rank."""
    return _wire_of(records, "AllToAll")


@claim("nccl-tests, doc/PERFORMANCE.md")
def a_broadcast_sends_the_buffer_once(records: Sequence[Record]) -> Finding:
    """No rank sends more than the whole buffer in a broadcast."""
    return _wire_of(records, "Broadcast")


@claim("nccl-tests, doc/PERFORMANCE.md")
def a_reduce_sends_the_buffer_once(records: Sequence[Record]) -> Finding:
    """No rank sends more than the whole buffer in a reduce."""
    return _wire_of(records, "Reduce")


@claim("Li et al. 2020, arXiv:2006.15704, section 3; " + ZERO + "section 2.2")
def loss_is_that_of_one_process(records: Sequence[Record]) -> Finding:
    """Every strategy follows the loss of one process at the same global batch and precision."""
    figures: list[str] = []
    judged: list[Verdict] = []
    alone = {asked(r): r for r in training(records, ranks_from=1) if r.case.ranks == 1}
    for record in training(records):
        gap = loss_gap(record, alone.get(asked(record)))
        if gap is not None:
            judged.append(within(gap, 0.0, LOSS_WITHIN[precision_of(record)]))
            figures.append(
                f"{named(record)}: at most {gap:.1e} of the first loss apart at any step"
            )
    return finding(judged, figures, "no strategy was trained beside one process")


def _traffic_of(records: Sequence[Record], factor: int) -> Finding:
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in training(records):
        psi = record.values["num_parameters"]
        if record.values.get("traffic_paper_elements") != factor * psi:
            continue
        verdict, why = leeway.of_traffic(record, factor, TRAFFIC_WITHIN)
        judged.append(verdict)
        moved = record.values["traffic_elements"] / psi
        figures.append(f"{named(record)}: {moved:.2f} Psi{_collectives(record, psi)}{why}")
    return finding(judged, figures, f"no strategy that is to move {factor} Psi")


def _collectives(record: Record, psi: float) -> str:
    told = [
        f"{name.replace('_', '-')} {record.values[key] / psi:.2f} Psi"
        for name in ("all_reduce", "reduce_scatter", "all_gather", "broadcast", "reduce")
        if (key := f"{name}_elements") in record.values
    ]
    return f" ({', '.join(told)})"


def _wire_of(records: Sequence[Record], problem: str) -> Finding:
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in records:
        if record.case.problem != problem or record.outcome != "ok" or "wire" not in record.values:
            continue
        size = float(record.case.values["num_bytes"] or 0)
        if size >= WIRE_FROM_BYTES * record.case.ranks:
            sent, ring = record.values["wire"] / size, record.values["wire_paper"] / size
            judged.append(within(sent, ring, WIRE_WITHIN))
            figures.append(
                f"{size:.0f} bytes, N = {record.case.ranks}: {sent:.4f} of the buffer sent by the "
                f"busiest rank, a ring sends {ring:.4f}"
            )
    nothing = f"no buffer of {WIRE_FROM_BYTES} bytes a rank whose sent bytes could be counted"
    return finding(judged, figures, nothing)
