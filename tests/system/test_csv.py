"""CSV in which a spreadsheet finds no formula, and pandas what was there."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.system.csv import write_frame, write_rows
from tests.conftest import ROOT

TEXTS = [
    *('=HYPERLINK("http://x","y")', "+1", "-1+2", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1"),
    *("'quoted", "''=1", "a\r=1,2", "a\n=1", 'a"=1', "a,=1", "a;=1", "plain", " =1", "-"),
]


def read_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Read as docs/surroundings.md says."""
    text = (ROOT / "docs" / "surroundings.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(path.parent)
    found: dict[str, Any] = {}
    exec(told, found)
    return found["frame"]


def cells(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [cell for row in csv.reader(file) for cell in row]


def is_formula(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))
    return False  # a number is no formula


def test_a_table_reads_back_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [-1.5 * i for i in range(len(TEXTS))]
    counts = pd.array([None, *range(-1, len(TEXTS) - 2)], dtype="Int64")
    frame = pd.DataFrame({"=name": TEXTS, "x": numbers, "@n": counts, "'": None}).convert_dtypes()
    path = tmp_path / "results.csv"
    write_frame(path, frame)
    assert not [cell for cell in cells(path) if is_formula(cell)]
    assert b"\r\n" not in path.read_bytes()
    back = read_back(path, monkeypatch)
    assert list(back.columns) == ["=name", "x", "@n", "'"]
    assert list(back["=name"]) == TEXTS
    assert list(back["x"]) == numbers
    assert list(back["@n"])[1:] == list(counts)[1:]


def test_rows_read_back_and_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.csv"
    write_rows(path, ["kind", "-x"], [{"kind": text, "-x": -0.5} for text in TEXTS])
    assert not [cell for cell in cells(path) if is_formula(cell)]
    back = read_back(path, monkeypatch)
    assert list(back["kind"]) == TEXTS
    assert set(back["-x"]) == {-0.5}


def test_no_other_door_writes_csv() -> None:
    for room in ("bench", "reports", "suites"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert path.name == "csv.py" or not re.search(r"to_csv|csv\.writer|DictWriter", text), (
                path
            )
