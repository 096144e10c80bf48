"""Whose code a resume runs: a folder from elsewhere is asked about, or refused."""

from __future__ import annotations

import dataclasses
import io
import sys
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.commands import run as command
from bench.errors import UserError
from bench.sides.foreign import code_outside
from bench.store import Manifest, Run, create, read
from bench.store.trust import seal, written_here
from bench.system.own import ROOT
from tests.conftest import Bench

OURS = Case("attention", "math", "suites.attention.math", "P", {})
THEIRS = dataclasses.replace(OURS, module="/somewhere/else/theirs.py")
NAMES = ("suites.attention.math", "suites.faults.none", "json", "torch", "pandas.core", "nowhere.x")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))


def made(parent: Path, case: Case) -> Run:
    return create(parent / "runs", Manifest(["bench"], "smoke", "cpu", 1, 0.1, [5], [case]))


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Become another machine."""
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "another"))


def test_a_machine_knows_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = made(tmp_path, THEIRS).manifest
    assert written_here(manifest)
    for forged in ("", "é", "\u202e\x00", "\ud800", manifest.seal[:-1]):
        assert not written_here(dataclasses.replace(manifest, seal=forged))
    other = dataclasses.replace(THEIRS, module="/somewhere/else/worse.py")
    assert not written_here(dataclasses.replace(manifest, cases=[other]))
    preloads = dataclasses.replace(THEIRS, preload=["worse"])
    assert not written_here(dataclasses.replace(manifest, cases=[preloads]))
    assert not written_here(dataclasses.replace(manifest, seal=""))
    assert not written_here(dataclasses.replace(manifest, journal="0"))
    elsewhere(monkeypatch, tmp_path)
    assert not written_here(manifest)


def test_the_secret_is_this_users_alone_and_stays(tmp_path: Path) -> None:
    first = seal(made(tmp_path, OURS).manifest)
    key = tmp_path / "cache" / "folders.key"
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    made(tmp_path, OURS)
    assert key.read_bytes() == before
    assert before.hex() not in first
    key.write_bytes(b"short")
    assert made(tmp_path, OURS).manifest.seal == ""


def test_without_a_place_for_the_secret_nothing_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "file" / "cache"))
    manifest = made(tmp_path, OURS).manifest
    assert manifest.seal == ""
    assert not written_here(manifest)


def test_what_is_tracked_or_installed_is_known_and_nothing_is_imported(tmp_path: Path) -> None:
    before = set(sys.modules)
    known = [dataclasses.replace(OURS, module=name) for name in NAMES]
    tracked = dataclasses.replace(OURS, module=str(ROOT / "suites" / "attention" / "math.py"))
    assert code_outside([*known, tracked]) == []
    assert not {"suites.faults.none", "nowhere"} & (set(sys.modules) - before)
    theirs = tmp_path / "theirs.py"
    theirs.write_text("raise SystemExit('ran')")
    for name in (str(theirs), "theirs.py", "./*.py", "runs/x.py", "/a\0b.py", "../../x.py"):
        assert code_outside([dataclasses.replace(OURS, module=name)]), name


def test_a_package_that_is_neither_ours_nor_installed_is_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_package").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    preloaded = dataclasses.replace(OURS, preload=["their_package.inner"])
    assert code_outside([preloaded]) == ["their_package.inner"]


def test_without_a_terminal_a_folder_from_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, own = made(tmp_path, THEIRS), made(tmp_path, OURS)
    assert command.resumable(run.folder, trust=False).manifest == run.manifest
    elsewhere(monkeypatch, tmp_path)
    assert command.resumable(own.folder, trust=False)  # it runs nothing but the checkout's
    assert command.resumable(run.folder, trust=True)
    with pytest.raises(UserError, match="--trust") as caught:
        command.resumable(run.folder, trust=False)
    assert "'/somewhere/else/theirs.py'" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n"])
def test_on_a_terminal_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    run = made(tmp_path, THEIRS)
    elsewhere(monkeypatch, tmp_path)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("typer.confirm", lambda words, err: sys.stdin.readline() == "y\n")
    if answer == "y\n":
        assert command.resumable(run.folder, trust=False)
    else:
        with pytest.raises(UserError, match="nothing was run"):
            command.resumable(run.folder, trust=False)


def test_the_command_refuses_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bench_here: Bench
) -> None:
    theirs = tmp_path / "theirs.py"
    theirs.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    run = made(tmp_path, dataclasses.replace(THEIRS, module=str(theirs)))
    elsewhere(monkeypatch, tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    done = bench_here("run", "--resume", run.folder)
    assert done.returncode == 2
    assert "--trust" in done.stderr
    assert not (tmp_path / "ran").exists()
    assert read(run.folder).manifest.sessions == []
    assert bench_here("run", "--trust", "attention").returncode == 2
