"""What the ZeRO paper says a rank holds, in float32 and in the mixed precision that it counts.

Psi is the number of parameters, N the number of ranks. Both hold 16 bytes a parameter: 2 + 2 + 12
in mixed precision, 4 + 4 + 8 in float32. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.claims import Finding, Record, Verdict, claim
from suites.distributed import leeway
from suites.distributed.claimed import (
    BYTES_WITHIN,
    ZERO,
    finding,
    named,
    precision_of,
    training,
)

KINDS = ("parameters", "gradients", "optimizer_state", "master_weights")


@claim(ZERO + "section 3.1")
def replicas_hold_16_bytes_a_parameter(records: Sequence[Record]) -> Finding:
    """Without partitioning a rank holds 16 Psi bytes of model states."""
    return _of_stage(records, 0, "float32")


@claim(ZERO + "section 5.1, of float32")
def stage_1_partitions_optimizer_states(records: Sequence[Record]) -> Finding:
    """Stage 1 holds 8 Psi + 8 Psi / N bytes a rank in float32."""
    return _of_stage(records, 1, "float32")


@claim(ZERO + "section 5.2, of float32")
def stage_2_partitions_gradients(records: Sequence[Record]) -> Finding:
    """Stage 2 holds 4 Psi + 12 Psi / N bytes a rank in float32."""
    return _of_stage(records, 2, "float32")


@claim(ZERO + "section 5.3, of float32")
def stage_3_partitions_everything(records: Sequence[Record]) -> Finding:
    """Stage 3 holds 16 Psi / N bytes a rank in float32."""
    return _of_stage(records, 3, "float32")


@claim(ZERO + "section 3.1 and table 1")
def mixed_replicas_hold_16_bytes_a_parameter(records: Sequence[Record]) -> Finding:
    """Mixed precision without partitioning holds 2 Psi + 2 Psi + 12 Psi bytes a rank."""
    return _of_stage(records, 0, "bf16_mixed")


@claim(ZERO + "section 5.1 and table 1")
def mixed_stage_1_holds_4_and_12_bytes_over_n(records: Sequence[Record]) -> Finding:
    """Stage 1 holds 4 Psi + 12 Psi / N bytes a rank in mixed precision."""
    return _of_stage(records, 1, "bf16_mixed")


@claim(ZERO + "section 5.2 and table 1")
def mixed_stage_2_holds_2_and_14_bytes_over_n(records: Sequence[Record]) -> Finding:
    """Stage 2 holds 2 Psi + 14 Psi / N bytes a rank in mixed precision."""
    return _of_stage(records, 2, "bf16_mixed")


@claim(ZERO + "section 5.3 and table 1")
def mixed_stage_3_holds_16_bytes_over_n(records: Sequence[Record]) -> Finding:
    """Stage 3 holds 16 Psi / N bytes a rank in mixed precision."""
    return _of_stage(records, 3, "bf16_mixed")


def _of_stage(records: Sequence[Record], stage: int, precision: str) -> Finding:
    figures: list[str] = []
    judged: list[Verdict] = []
    for record in training(records, ranks_from=1 if stage == 0 else 2):
        if record.values["zero_stage"] != stage or precision_of(record) != precision:
            continue
        if "model_states_paper" not in record.values:
            continue  # no row of the paper is about it
        verdict, why = leeway.of_bytes(record, BYTES_WITHIN)
        judged.append(verdict)
        psi = record.values["num_parameters"]
        held, paper = record.values["model_states"], record.values["model_states_paper"]
        figures.append(
            f"{named(record)}: {held / psi:.2f} bytes a parameter, paper {paper / psi:.2f}"
            f"{_difference(record, psi)}{why}"
        )
    return finding(judged, figures, f"no case of stage {stage} in {precision}")


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
