"""What the literature says of data parallelism, put to a run. Torch-free.

Psi is the number of parameters, N the number of ranks. Training in float32 holds 16 bytes a
parameter like mixed precision does: 4 + 4 + 8 instead of 2 + 2 + 12.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claims import Finding, Record, Verdict, claim, together
from suites.distributed import leeway
from suites.distributed.contrastive_claims import (
    contrastive_logits_and_traffic_are_as_planned,
    contrastive_loss_is_that_of_one_process,
    siglip_gathers_nothing,
    siglip_holds_b_squared_logits,
)
from suites.distributed.loss_gap import loss_gap
from suites.distributed.planning.claims import a_step_is_predicted_at_a_world_size_never_fitted

# Told in modules of their own.
__all__ = [
    "a_step_is_predicted_at_a_world_size_never_fitted",
    "contrastive_logits_and_traffic_are_as_planned",
    "contrastive_loss_is_that_of_one_process",
    "siglip_gathers_nothing",
    "siglip_holds_b_squared_logits",
]

# Thresholds and their reasons; no run moves them. What theories leave out (padding of partitions,
# step counters) is counted from shapes and ranks and comes on top; see `leeway`.
BYTES_WITHIN = 0.02
TRAFFIC_WITHIN = 0.01  # of Psi
WIRE_WITHIN = 0.02  # headers of messages
WIRE_FROM_BYTES = 1 << 15  # of a buffer for every rank: in smaller messages headers are not small
LOSS_WITHIN = 1e-4  # of the first loss: a thousand roundings, far below what another seed changes

KINDS = ("parameters", "gradients", "optimizer_state", "master_weights")
ZERO = "Rajbhandari et al. 2020, arXiv:1910.02054, "


@claim("each strategy's own accounting, made from shapes and ranks: suites/distributed")
def bytes_are_what_the_engine_plans(records: Sequence[Record]) -> Finding:
    """Every rank holds the bytes that its engine's accounting predicts, within 2 %."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _training(records):
        for rank, held, planned in _by_rank(record, "model_states", "model_states_engine"):
            judged.append(_within(held, planned, BYTES_WITHIN))
            figures.append(f"{_name(record)}{rank}: {held:.0f} bytes, planned {planned:.0f}")
    return _finding(judged, figures, "no case accounted for its bytes")


@claim(ZERO + "section 3.1")
def replicas_hold_16_bytes_a_parameter(records: Sequence[Record]) -> Finding:
    """Without partitioning a rank holds 16 Psi bytes of model states."""
    return _bytes_of_stage(records, 0)


@claim(ZERO + "section 5.1")
def stage_1_partitions_optimizer_states(records: Sequence[Record]) -> Finding:
    """Stage 1 holds 8 Psi + 8 Psi / N bytes a rank in float32 (mixed: 4 Psi + 12 Psi / N)."""
    return _bytes_of_stage(records, 1)


@claim(ZERO + "section 5.2")
def stage_2_partitions_gradients(records: Sequence[Record]) -> Finding:
    """Stage 2 holds 4 Psi + 12 Psi / N bytes a rank in float32 (mixed: 2 Psi + 14 Psi / N)."""
    return _bytes_of_stage(records, 2)


@claim(ZERO + "section 5.3")
def stage_3_partitions_everything(records: Sequence[Record]) -> Finding:
    """Stage 3 holds 16 Psi / N bytes a rank."""
    return _bytes_of_stage(records, 3)


@claim("each strategy's own accounting, made from shapes and ranks: suites/distributed")
def traffic_is_what_the_engine_plans(records: Sequence[Record]) -> Finding:
    """A step moves exactly the elements its engine plans, padding included."""
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _training(records):
        moved, planned = (record.values[f"traffic{part}_elements"] for part in ("", "_engine"))
        judged.append(_within(moved, planned, 0.0))
        figures.append(f"{_name(record)}: {moved:.0f} elements, planned {planned:.0f}")
    return _finding(judged, figures, "no case counted its traffic")


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
    """Every strategy follows the loss of one process at the same global batch."""
    figures: list[str] = []
    judged: list[Verdict] = []
    alone = {_asked(r): r for r in _training(records, ranks_from=1) if r.case.ranks == 1}
    for record in _training(records):
        gap = loss_gap(record, alone.get(_asked(record)))
        if gap is not None:
            judged.append(_within(gap, 0.0, LOSS_WITHIN))
            figures.append(
                f"{_name(record)}: at most {gap:.1e} of the first loss apart at any step"
            )
    return _finding(judged, figures, "no strategy was trained beside one process")


def _bytes_of_stage(records: Sequence[Record], stage: int) -> Finding:
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _training(records, ranks_from=1 if stage == 0 else 2):
        if record.values["zero_stage"] != stage:
            continue
        verdict, why = leeway.of_bytes(record, BYTES_WITHIN)
        judged.append(verdict)
        psi = record.values["num_parameters"]
        held, paper = record.values["model_states"], record.values["model_states_paper"]
        figures.append(
            f"{_name(record)}: {held / psi:.2f} bytes a parameter, paper {paper / psi:.2f}"
            f"{_difference(record, psi)}{why}"
        )
    return _finding(judged, figures, f"no case of stage {stage}")


def _difference(record: Record, psi: float) -> str:
    """Name the kinds that make the difference from the paper."""
    values = record.values
    apart = {kind: values.get(kind, 0.0) - values.get(f"{kind}_paper", 0.0) for kind in KINDS}
    told = [
        f"{kind.replace('_', ' ')} {difference / psi:+.2f}"
        for kind, difference in apart.items()
        if abs(difference) > BYTES_WITHIN * values["model_states_paper"]
    ]
    return f" ({', '.join(told)})" if told else ""


def _traffic_of(records: Sequence[Record], factor: int) -> Finding:
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in _training(records):
        psi = record.values["num_parameters"]
        if record.values["traffic_paper_elements"] != factor * psi:
            continue
        verdict, why = leeway.of_traffic(record, factor, TRAFFIC_WITHIN)
        judged.append(verdict)
        moved = record.values["traffic_elements"] / psi
        figures.append(f"{_name(record)}: {moved:.2f} Psi{_collectives(record, psi)}{why}")
    return _finding(judged, figures, f"no strategy that is to move {factor} Psi")


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
            judged.append(_within(sent, ring, WIRE_WITHIN))
            figures.append(
                f"{size:.0f} bytes, N = {record.case.ranks}: {sent:.4f} of the buffer sent by the "
                f"busiest rank, a ring sends {ring:.4f}"
            )
    nothing = f"no buffer of {WIRE_FROM_BYTES} bytes a rank whose sent bytes could be counted"
    return _finding(judged, figures, nothing)


def _training(records: Sequence[Record], ranks_from: int = 2) -> Iterator[Record]:
    """Yield training steps that passed their check and accounted for what they hold."""
    for record in records:
        if (
            record.case.problem == "DataParallelTraining"
            and record.outcome == "ok"
            and record.case.ranks >= ranks_from
            and "model_states" in record.values
        ):
            yield record


def _by_rank(record: Record, held: str, planned: str) -> Iterator[tuple[str, float, float]]:
    """Yield rank (empty where all are alike), bytes held and bytes planned."""
    if held not in record.by_rank:
        yield "", record.values[held], record.values[planned]
        return
    for rank, values in sorted(record.by_rank[held].items()):
        own = record.by_rank.get(planned, {}).get(rank, [record.values[planned]])
        yield f", rank {rank}", values[-1], own[-1]


def _asked(record: Record) -> tuple[object, ...]:
    """Return what two cases must share for their losses to be the same."""
    case = record.case
    return (*sorted(case.values.items()), case.dtype, case.device)


def _within(found: float, expected: float, share: float) -> Verdict:
    """Hold where `found` is within a share of `expected` (of 1 where that is 0)."""
    return "holds" if abs(found - expected) <= share * (expected or 1.0) else "fails"


def _finding(judged: list[Verdict], figures: list[str], nothing: str) -> Finding:
    return Finding(together(judged), figures or [nothing])


def _name(record: Record) -> str:
    options = [name for name, value in record.case.options.items() if value is True]
    asked = f"[{','.join(options)}]" if options else ""
    return f"{record.case.variant}{asked}, N = {record.case.ranks}"
