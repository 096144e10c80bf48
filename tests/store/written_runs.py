"""Runs written to be read: of today, of before, changed afterwards; and why one is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.errors import UserError
from bench.store import Manifest, Run, Session, create, read

CASE = Case("suite", "variant", "module", "Problem", {"n": 4})
DAY = "2026-01-01T00:00:00+00:00"


def manifest(**changes: Any) -> Manifest:
    cases = [CASE, dataclasses.replace(CASE, variant="other")]
    made = Manifest(["bench"], "smoke", "cpu", 1, 0.1, [5], cases, sessions=[Session(DAY, {})])
    return dataclasses.replace(made, **changes)


def attempt(round_: int = 0, time_s: float = 0.1, **changes: Any) -> Attempt:
    measured = [Measurement("time", "s", [time_s, 2 * time_s])]
    made = Attempt(CASE.id, "time", 0, round_, "ok", measurements=measured)
    return dataclasses.replace(made, **changes)


def recorded(parent: Path, *, ended: bool = True, **changes: Any) -> Run:
    """Write a run of five rounds."""
    run = create(parent, manifest(**changes))
    for number in range(5):
        run.append(attempt(number))
    if ended:
        run.end_session(DAY, "finished")
    return run


def of_before(parent: Path) -> Run:
    """Write a run as it was before lines had digests."""
    run = create(parent, manifest())
    run.manifest, run.head = dataclasses.replace(run.manifest, journal=""), ""
    run.save()
    for number in range(5):
        run.append(attempt(number))
    return run


def relined(run: Run, change: Callable[[list[bytes]], object]) -> None:
    lines = run.records_path.read_bytes().splitlines(keepends=True)
    change(lines)
    run.records_path.write_bytes(b"".join(lines))


def remade(run: Run, change: Callable[[dict[str, Any]], object]) -> None:
    path = run.folder / "run.json"
    plain = json.loads(path.read_text())
    change(plain)
    path.write_text(json.dumps(plain))


def refusal(folder: Path) -> str:
    """Return why a folder is refused: always in one line."""
    with pytest.raises(UserError) as caught:
        read(folder)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    return said
