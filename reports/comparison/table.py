"""`comparison.csv`: one row a case and quantity of every comparison, in base units."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.judging.comparing.comparison import Comparison
from bench.judging.comparing.row import Row
from bench.system.csv import write_frame

COLUMNS = (
    "base_run",
    "new_run",
    "paired",
    "suite",
    "variant",
    "problem",
    "quantity",
    "unit",
    "group",
    "verdict",
    "regression",
    "base",
    "new",
    "ratio",
    "ratio_low",
    "ratio_high",
    "within",
    "slower_at_most",
    "difference",
    "difference_low",
    "difference_high",
    "rounds",
    "rounds_needed",
    "p_value",
    "why",
    "base_outcome",
    "new_outcome",
    "source_changed",
    "case",
    "new_case",
)


SAID = ("quantity", "group", "verdict", "base", "new", "rounds_needed", "p_value")
BOUNDS = ("within", "slower_at_most")  # shares of the base


def write(comparisons: Sequence[Comparison], gate: Collection[str], path: Path) -> None:
    """Write the table; `base`, `new` and differences are in the unit of the row."""
    write_frame(path, table(comparisons, gate))


def table(comparisons: Sequence[Comparison], gate: Collection[str]) -> pd.DataFrame:
    """Return the rows of all comparisons."""
    rows = [_row(found, row, gate) for found in comparisons for row in found.rows]
    return pd.DataFrame(rows, columns=list(COLUMNS)).convert_dtypes()


def _row(comparison: Comparison, row: Row, gate: Collection[str]) -> dict[str, Any]:
    base, new = row.match.base, row.match.new
    ratio, difference = row.ratio, row.difference
    rounds = ratio.rounds if ratio else difference.count if difference else None
    told: dict[str, Any] = {
        "base_run": comparison.versus.names[0],
        "new_run": comparison.versus.names[1],
        "paired": comparison.versus.paired,
        "suite": row.match.case.suite,
        "variant": row.match.case.variant,
        "problem": row.match.case.problem,
        "regression": row.is_regression(gate),
        "rounds": rounds,
        "why": row.why or None,
        "unit": row.unit or None,
        "base_outcome": base.outcome if base else None,
        "new_outcome": new.outcome if new else None,
        "source_changed": base.case.source_hash != new.case.source_hash if base and new else None,
        "case": base.case.id if base else None,
        "new_case": new.case.id if new else None,
    }
    for name in (*SAID, *BOUNDS):
        told[name] = getattr(row, name)
    for name, found in (("ratio", ratio), ("difference", difference)):
        if found is not None:
            told |= {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}
    return told
