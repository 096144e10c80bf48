"""A small training by ranks as a case, and the verdicts of the suite's claims on records."""

from __future__ import annotations

from bench.cases.case import Case, Plain
from bench.judging.claim import claims_of
from bench.judging.record import Record
from suites.distributed import claims

SMALL = {"batch": 4, "seqlen": 16, "num_layers": 1, "num_heads": 2, "dim": 32, "loss_steps": 3}


MIXED = "bf16_mixed"


def training(
    name: str, module: str, ranks: int = 2, precision: str = "float32", **options: Plain
) -> Case:
    return Case(
        "distributed",
        name,
        module,
        "DataParallelTraining",
        {**SMALL, "precision": precision},
        pass_="train",
        ranks=ranks,
        options=options,
    )


def verdicts(*records: Record) -> dict[str, str]:
    return {claim.name: claim.check(records).verdict for claim in claims_of(claims)}
