"""CSV that a spreadsheet shows and never runs, and that reads back as what was there.

A text that begins like a formula gets an apostrophe before it, and so does one that begins with an
apostrophe: whoever reads takes one away from every text that begins with one, and has the original.
Names of columns are texts too. Numbers are no texts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.system.files import write_whole

if TYPE_CHECKING:
    import pandas as pd

# what Excel, LibreOffice and Google Sheets take for a formula, in its wide forms too
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
GUARD = "'"


class _Lines(io.StringIO):
    """Takes rows that end in CRLF, so that fields with either are quoted; ends them in LF."""

    def write(self, row: str) -> int:
        return super().write(row.removesuffix("\r\n") + "\n")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows below a head; what a row lacks is an empty field."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(map(guarded, columns))
    writer.writerows([guarded(row.get(name, "")) for name in columns] for row in rows)
    _write(path, lines)


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a table without its index; a missing value is an empty field."""
    import pandas as pd  # not for who only shows a run

    made = frame.rename(columns=guarded)
    for name, column in made.select_dtypes(exclude=["number", "bool"]).items():
        texts = [guarded(value) for value in column]
        made[name] = pd.Series(texts, index=made.index, dtype=object)
    lines = _Lines()
    made.to_csv(lines, index=False, lineterminator="\r\n")
    _write(path, lines)


def guarded(value: Any) -> Any:
    """Return a text so that it begins no formula; anything else as it is."""
    if isinstance(value, str) and value.startswith((*FORMULA, GUARD)):
        return GUARD + value
    return value


def _write(path: Path, lines: _Lines) -> None:
    # bytes of a file's name that are no UTF-8 have no other way into a table
    write_whole(path, lines.getvalue().encode(errors="backslashreplace"))
