"""Made-up pairs of runs, compared: the row of a variant, and a comparison in one call."""

from __future__ import annotations

from pathlib import Path

from bench.judging.comparing.comparison import Comparison, compare
from bench.judging.comparing.row import Row
from bench.store import Run
from tests.made_runs import Made, make_pair


def row_of(found: Comparison, variant: str, quantity: str = "time") -> Row:
    (row,) = [
        row for row in found.rows if row.match.case.variant == variant and row.quantity == quantity
    ]
    return row


def compared(base: Run, new: Run, **options: object) -> Comparison:
    (found,) = compare(base, [new], **options)  # type: ignore[arg-type]
    return found


def paired(folder: Path, base: list[Made], new: list[Made], **options: object) -> Comparison:
    return compared(*make_pair(folder / "ab", base, new, **options))  # type: ignore[arg-type]
