"""Logs of a run: what an earlier session kept is not written over by the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.running.attempts import Attempts
from bench.sides.side import Side
from bench.store import Manifest, Session, create

CASE = Case("s", "v", "m", "P", {"n": 1})


@pytest.mark.parametrize(
    ("kept", "next_name"),
    [
        ([], "00001-server.txt"),
        (["00003-time.txt", "00012-server.txt", "00007-check.txt"], "00013-server.txt"),
        (["server-hello.txt", "notes.txt", "00002-time.txt"], "00003-server.txt"),
        (["99999-time.txt", "100002-time.txt"], "100003-server.txt"),
    ],
)
def test_numbers_go_on_behind_those_that_are_kept(
    tmp_path: Path, kept: list[str], next_name: str
) -> None:
    manifest = Manifest([], "smoke", "cpu", 0, 0.1, [2], [CASE], sessions=[Session("", {})])
    run = create(tmp_path, manifest)
    for name in kept:
        (run.folder / "logs" / name).write_text("kept")
    assert Attempts(run, Side())._server_log().name == next_name
