"""Which cases are asked for the largest batch that so many bytes hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.cases.case import Case
from bench.cases.counted import counted
from bench.errors import NOTHING_MEASURED, UserError


def asked_to_fit(cases: Sequence[Case], within_bytes: int) -> list[Case]:
    """Return the cases, those of one process that have a batch asked: of equals the smallest."""
    smallest: dict[str, Case] = {}
    for case in cases:
        if case.ranks == 1 and type(case.values.get("batch")) is int:
            others = {**case.values, "batch": 0}
            known = smallest.setdefault(replace(case, values=others).id, case)
            if _batch(case) < _batch(known):
                smallest[replace(case, values=others).id] = case
    if not smallest:
        raise UserError(
            f"--fit: expected cases of one process that have a batch, as precision's; "
            f"none of {counted(len(cases), 'case')} has one",
            NOTHING_MEASURED,
        )
    chosen = {case.id for case in smallest.values()}
    return [replace(c, fit_bytes=within_bytes) if c.id in chosen else c for c in cases]


def _batch(case: Case) -> int:
    batch = case.values["batch"]
    assert isinstance(batch, int)
    return batch
