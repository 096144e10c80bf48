"""Large folders are read beside each other: the runs, and the refusals, are those of one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.store import read, together
from bench.store.together import read_together
from tests.store.written_runs import of_before, recorded, relined


@pytest.mark.parametrize("large", [0, 1 << 30])
def test_runs_are_what_they_are_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(together, "LARGE_BYTES", large)
    folders = [recorded(tmp_path / "a").folder, of_before(tmp_path / "b").folder]
    done: list[str] = []
    assert read_together(folders, lambda: done.append("meanwhile")) == [read(f) for f in folders]
    assert done == (["meanwhile"] if large == 0 else [])


@pytest.mark.parametrize("large", [0, 1 << 30])
def test_the_first_folder_at_fault_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    monkeypatch.setattr(together, "LARGE_BYTES", large)
    runs = [recorded(tmp_path / name) for name in "abc"]
    for run in runs[1:]:
        relined(run, lambda lines: lines.pop(1))
    with pytest.raises(UserError, match="line 2") as told:
        read_together([run.folder for run in runs], lambda: None)
    assert str(runs[1].folder) in str(told.value)
    assert told.value.exit_code == 2


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder"):
        read_together([tmp_path / "nothing"], lambda: None)
