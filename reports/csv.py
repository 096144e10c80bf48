"""`results.csv`: the tidy table, readable by pandas with no options."""

from pathlib import Path

from bench.record import Record
from bench.store import Run, write_whole
from reports.table import table


def write(run: Run, records: list[Record], path: Path) -> None:
    """Write the table of a run as UTF-8 CSV; missing values are empty fields."""
    frame = table(run, records).convert_dtypes()  # whole numbers stay whole beside missing ones
    write_whole(path, frame.to_csv(index=False, lineterminator="\n").encode())
