"""The tables of a run as files, readable by pandas with no options."""

from pathlib import Path

import pandas as pd

from bench.record import Record
from bench.store import Run, write_whole
from reports.findings import findings_table
from reports.table import table
from reports.trajectories import trajectories

PIXELS = "_pixels"  # thousands of rows that no one plots; records.jsonl keeps them


def write(run: Run, records: list[Record], path: Path) -> None:
    """Write `results.csv`, one row a case; missing values are empty fields."""
    # whole numbers stay whole beside missing ones
    _write(table(run, records).convert_dtypes(), path)


def write_trajectories(run: Run, records: list[Record], path: Path) -> None:
    """Write `trajectories.csv`, one row a sample of what quality measured, pictures left out."""
    found = trajectories(records)
    _write(found[~found["quantity"].str.endswith(PIXELS)], path)


def write_claims(run: Run, records: list[Record], path: Path) -> None:
    """Write `claims.csv`, one row a claim of the suites that ran."""
    _write(findings_table(records), path)


def _write(frame: pd.DataFrame, path: Path) -> None:
    write_whole(path, frame.to_csv(index=False, lineterminator="\n").encode())
