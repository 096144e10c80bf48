"""Cases of one made-up problem, for what orders and pairs them and measures nothing."""

from __future__ import annotations

from dataclasses import replace

from bench.cases.case import Case


def case(variant: str, n: int = 1, **changes: object) -> Case:
    made = Case("faults", variant, "suites.faults.none", "Double", {"n": n})
    return replace(made, **changes)
