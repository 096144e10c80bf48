"""What claims ask of records: which trainings counted what they hold, and words for them.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench import Plain
from bench.claims import Finding, Record, Verdict, together

ZERO = "Rajbhandari et al. 2020, arXiv:1910.02054, "
BYTES_WITHIN = 0.02  # what theories leave out comes on top; see `leeway`


def training(records: Sequence[Record], ranks_from: int = 2) -> Iterator[Record]:
    """Yield training steps that passed their check and accounted for what they hold."""
    for record in records:
        if (
            record.outcome == "ok"
            and record.case.ranks >= ranks_from
            and {"model_states", "zero_stage"} <= record.values.keys()
        ):
            yield record


def by_rank_of(record: Record, held: str, planned: str) -> Iterator[tuple[str, float, float]]:
    """Yield rank (empty where all are alike), bytes held and bytes planned."""
    if held not in record.by_rank:
        yield "", record.values[held], record.values[planned]
        return
    for rank, values in sorted(record.by_rank[held].items()):
        own = record.by_rank.get(planned, {}).get(rank, [record.values[planned]])
        yield f", rank {rank}", values[-1], own[-1]


def asked(record: Record) -> tuple[object, ...]:
    """Return what two cases must share for their losses to be the same."""
    case = record.case
    return (case.problem, *sorted(case.values.items()), case.dtype, case.device)


def within(found: float, expected: float, share: float) -> Verdict:
    """Hold where `found` is within a share of `expected` (of 1 where that is 0)."""
    return "holds" if abs(found - expected) <= share * (expected or 1.0) else "fails"


def finding(judged: list[Verdict], figures: list[str], nothing: str) -> Finding:
    return Finding(together(judged), figures or [nothing])


def named(record: Record) -> str:
    """Name a strategy with the options that make it another one, precision and ranks."""
    own = chosen(record.case.options)
    words = ",".join(name if value is True else f"{name}={value}" for name, value in own.items())
    told = f"[{words}]" if words else ""
    mixed = ", mixed precision" if precision_of(record) == "bf16_mixed" else ""
    return f"{record.case.variant}{told}{mixed}, N = {record.case.ranks}"


def chosen(options: Mapping[str, Plain]) -> dict[str, Plain]:
    """Return the options that make a strategy another one than it is by default."""
    return {k: v for k, v in options.items() if (v and v != 1) or v is True}


def precision_of(record: Record) -> str:
    """Return the precision asked; runs of before knew float32 alone."""
    return str(record.case.values.get("precision", "float32"))
