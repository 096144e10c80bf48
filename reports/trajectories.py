"""Everything quality measured, sample by sample, as a tidy table."""

from __future__ import annotations

import pandas as pd

from bench.judging.record import Record

COLUMNS = ("case", "suite", "variant", "quantity", "seed", "index", "value")


def trajectories(records: list[Record]) -> pd.DataFrame:
    """Return one row a sample: losses by step, and what was measured once a seed at index 0."""
    rows = [
        (record.case.id, record.case.suite, record.case.variant, quantity, seed, index, value)
        for record in records
        for quantity, by_seed in record.trajectories.items()
        for seed, samples in by_seed.items()
        for index, value in enumerate(samples)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
