"""`bench show` and `bench report` on a run that is whole, and on one that is torn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.conftest import Bench
from tests.reports.golden import GOLDEN


def test_show_and_report_read_a_run(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "20260101-000000-smoke-abcd"
    shutil.copytree(GOLDEN, folder)
    shown = bench("show", folder)
    assert shown.returncode == 0
    assert "Not measured, and why" in shown.stdout
    assert "of the timed rounds went into calls" in shown.stdout
    done = bench("report", folder)
    assert done.returncode == 0
    assert (folder / "results.csv").read_text().replace(folder.name, GOLDEN.name) == (
        GOLDEN / "results.csv"
    ).read_text()
    assert (folder / "report.html").stat().st_size > 1_000_000


def test_a_torn_record_is_told_and_the_rest_shown(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(GOLDEN, folder)
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    done = bench("show", folder)
    assert done.returncode == 0
    assert "cut off by an interruption" in done.stdout
    path.write_text(path.read_text()[:-1] + '\n{"case": 7}\n')
    done = bench("show", folder)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "records.jsonl, line" in done.stderr
    assert json.loads((folder / "run.json").read_text())
