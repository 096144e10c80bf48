"""Nsight around a case: one line where it cannot be, a process of its own where it can."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from bench.cases.case import Attempt, Case
from bench.errors import UserError
from bench.running import nsight
from bench.sides.side import Side
from bench.store import Manifest, Run, Session, create_at

FAKE = """#!{python}
import json, os, sys
words = sys.argv[1:]
place = words.index("-P")
report = words[words.index({output!r}) + 1]
request, reply = words[-2:]
open(report + {suffix!r}, "w").write(" ".join(words[:place]))
asked = json.load(open(request))
assert asked["role"] == "profile" and asked["profile"] == {{"nvtx": True}}
assert words[place:-2] == ["-P", "-m", "bench.workers.alone"]
json.dump({{"outcome": {outcome!r}, "detail": "as it was told"}}, open(reply, "w"))
"""


def fake(folder: Path, name: str, outcome: str) -> None:
    """Put a tool on PATH that writes a report of what it was asked."""
    tool = nsight.TOOLS[name]
    path = folder / name
    told = {"output": tool.words[-1], "suffix": tool.suffix, "outcome": outcome}
    path.write_text(FAKE.format(python=sys.executable, **told))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a run of two profiled cases, of one rank and of two."""
    one = Case("faults", "none", "suites.faults.none", "Double", {"n": 4}, device="cuda:0")
    two = Case("faults", "two", "suites.faults.none", "Double", {"n": 4}, device="cuda:0", ranks=2)
    manifest = Manifest(["bench"], "smoke", "cuda:0", 0, 0.1, [2], [one, two], profile=True)
    found = create_at(tmp_path / "run", manifest)
    found.manifest.sessions.append(Session("2026-01-01T00:00:00+00:00", {}))
    for case in (one, two):
        found.append(Attempt(case.id, "profile", 0, 0, "ok"))
        nsight.folder_of(found.folder, case).mkdir(parents=True)
    return found


def test_a_tool_that_is_missing_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"--nsys: expected NVIDIA Nsight Systems to be installed"):
        nsight.expect(["nsys"], "cuda:0")


def test_there_is_nothing_to_see_on_a_cpu() -> None:
    with pytest.raises(UserError, match=r"--ncu: NVIDIA Nsight Compute watches a GPU"):
        nsight.expect(["ncu"], "cpu")
    assert nsight.expect([], "cpu") == []


@pytest.mark.parametrize("name", ["nsys", "ncu"])
def test_a_case_runs_in_a_process_of_its_own(
    name: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, name, "ok")
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    nsight.watch(run, Side(), nsight.expect([name], "cuda:0"), told.append)
    of_one, of_two = told
    place = nsight.folder_of(run.folder, run.manifest.cases[0])
    report = place / f"{name}{nsight.TOOLS[name].suffix}"
    assert str(report) in of_one
    assert "expected one rank" in of_two
    assert list(nsight.TOOLS[name].words) == report.read_text().split()[:-2]
    assert [path.name for path in place.iterdir()] == [report.name]  # no request is left


def test_what_fails_under_a_tool_says_why(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, "nsys", "unsupported")
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    nsight.watch(run, Side(), nsight.expect(["nsys"], "cuda:0"), told.append)
    assert told[0].endswith("unsupported: as it was told")


def test_the_request_is_plain_data(run: Run) -> None:
    found = nsight._request(run, Side(), run.manifest.cases[0])
    assert json.loads(json.dumps(found)) == found
