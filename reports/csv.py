"""The tables of a run as files, readable by pandas with no options."""

from pathlib import Path

from bench.judging.record import Record
from bench.store import Run
from bench.system.csv import write_frame
from reports.findings import findings_table
from reports.table import table
from reports.trajectories import trajectories

PIXELS = "_pixels"  # thousands of rows that no one plots; records.jsonl keeps them


def write(run: Run, records: list[Record], path: Path) -> None:
    """Write `results.csv`, one row a case; missing values are empty fields."""
    # whole numbers stay whole beside missing ones
    write_frame(path, table(run, records).convert_dtypes())


def write_trajectories(run: Run, records: list[Record], path: Path) -> None:
    """Write `trajectories.csv`, one row a sample of what quality measured, pictures left out."""
    found = trajectories(records)
    write_frame(path, found[~found["quantity"].str.endswith(PIXELS)])


def write_claims(run: Run, records: list[Record], path: Path) -> None:
    """Write `claims.csv`, one row a claim of the suites that ran."""
    write_frame(path, findings_table(records))
