"""The largest batch that fits, policy by policy, as `bench run --fit` found it. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import Answer, Record, name_of
from suites.precision.naming import EXACT, TELLING

BATCH = "fit_batch"
AGAIN = "checkpointing"
LEFT_OUT = ("batch", "num_steps", AGAIN)


def answer(records: Sequence[Record]) -> Answer | None:
    """Say what batches were seen to fit, policy by policy; None where that was not asked.

    It is of the first ordinary workload in which float32 has a batch; what computing activations
    again adds is told of float32 alone.
    """
    found = [record for record in records if record.outcome == "ok" and BATCH in record.values]
    if not found:
        return None
    plain = [record for record in found if not record.case.values.get(AGAIN)]
    ordinary = [record for record in plain or found if record.case.problem != TELLING]
    usual = ordinary or plain or found
    first = next((r for r in usual if r.case.variant == EXACT), usual[0])
    same = sorted((r for r in plain or found if _alike(r, first)), key=_rows, reverse=True)
    again = [r for r in found if r not in same and r.case.variant == EXACT and _alike(r, first)]
    cases = [record.case for record in same]
    told = [f"{name_of(r.case, cases)} {_rows(r):.0f}" for r in same]
    told += [f"{EXACT} with {r.case.values[AGAIN]} checkpointing {_rows(r):.0f}" for r in again]
    apart = [abs(r.values["fit_predicted"] / r.values["fit_peak"] - 1) for r in same + again]
    sentence = (
        f"{first.case.problem.removesuffix('Training')}: in {_gigabytes(first)} fit batches of "
        f"{', '.join(told)}; each took a step there, predicted within {max(*apart, 0.001):.1%}."
    )
    return Answer(sentence, same + again)


def _rows(record: Record) -> float:
    return record.values[BATCH]


def _gigabytes(record: Record) -> str:
    return f"{(record.case.fit_bytes or 0) / 1e9:.3g} GB"


def _alike(record: Record, first: Record) -> bool:
    """Say whether it is the same workload of the same sizes, but for the way a step is taken."""
    return _asked(record) == _asked(first)


def _asked(record: Record) -> tuple[object, ...]:
    case = record.case
    sizes = sorted((k, str(v)) for k, v in case.values.items() if k not in LEFT_OUT)
    return (case.problem, case.device, case.threads, case.fit_bytes, *sizes)
