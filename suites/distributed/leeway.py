"""What a theory leaves out of a small or odd size: padding of partitions, and step counters.

The ZeRO paper divides by N what an engine cuts into N parts of equal length, the last ones padded.
How much that adds follows from shapes and ranks; a claim allows so much and no more. Where it
bridges the distance to the next formula, the size cannot tell the two apart. Torch-free.
"""

from __future__ import annotations

from bench.claims import Record, Verdict
from suites.distributed.claimed import precision_of
from suites.distributed.theory import PRECISIONS, model_state_bytes

Judged = tuple[Verdict, str]  # with words to append to the figures


def of_traffic(record: Record, factor: int, within: float) -> Judged:
    """Judge the elements that a step moves: factor x Psi, and as many times the padding."""
    psi = record.values["num_parameters"]
    padding = factor * padding_elements(record) / psi
    moved = record.values["traffic_elements"] / psi
    if not factor - within <= moved <= factor + padding + within:
        return "fails", _told(padding, "Psi")
    if padding >= 1 - 2 * within:
        return "untested", f"; padding may be {padding:.2f} Psi, as much as another formula moves"
    return "holds", _told(padding, "Psi")


def of_bytes(record: Record, within: float) -> Judged:
    """Judge the bytes of model states that a rank holds: the paper's, of what is padded."""
    values = record.values
    psi, stage, ranks = values["num_parameters"], int(values["zero_stage"]), record.case.ranks
    held, paper = values["model_states"], values["model_states_paper"]
    counters, slack = values.get("step_counters_engine", 0.0), within * paper
    most = paper + counters + _of_more(record, padding_elements(record))
    uneven = _of_more(record, ranks * values.get("unevenness_engine_elements", 0.0))
    told = _told((most - paper) / psi, "bytes a parameter", "padding and step counters")
    if not paper - slack <= held <= most + uneven + slack:
        return "fails", told
    if held > most + slack:
        return "untested", "; whole parameters, which this size cannot deal out evenly"
    less_cut = sum(model_state_bytes(stage - 1, psi, ranks, row_of(record)).values())
    if stage and ranks > 1 and most + slack >= less_cut * (1 - within):
        return "untested", f"{told}, as much as stage {stage - 1} holds"
    return "holds", told


def padding_elements(record: Record) -> float:
    """Return the elements over all ranks that fill partitions up.

    A run of before did not say: what its plan has beyond whole numbers of Psi was padding.
    """
    values = record.values
    if "padding_engine_elements" in values:
        return values["padding_engine_elements"]
    planned, psi = values.get("traffic_engine_elements", 0.0), values["num_parameters"]
    passes = max(round(planned / psi), 1)
    return max(planned / passes - psi, 0.0)


def row_of(record: Record) -> tuple[int, int, int]:
    """Return the paper's bytes a parameter."""
    return PRECISIONS[precision_of(record)]


def _of_more(record: Record, elements: float) -> float:
    """Return the bytes that so many elements more over all ranks add to each rank's part."""
    stage, ranks = int(record.values["zero_stage"]), record.case.ranks
    own = model_state_bytes(stage, elements, ranks, row_of(record))
    whole = model_state_bytes(0, elements, ranks, row_of(record))
    return sum(count for kind, count in own.items() if count < whole[kind])


def _told(extra: float, unit: str, what: str = "padding") -> str:
    return f"; {what} may add {extra:.2f} {unit}" if extra >= 0.005 else ""
