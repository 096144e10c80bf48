"""Files of a run: only ordinary ones are read, and nothing is written through a link."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.running.attempts import keep_log
from bench.store import read, write_whole
from tests.store.written_runs import recorded, refusal


@pytest.mark.parametrize("name", ["run.json", "records.jsonl"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "nothing", "device", "socket", "giant"])
def test_only_ordinary_files_are_read(tmp_path: Path, name: str, kind: str) -> None:
    run = recorded(tmp_path)
    path = run.folder / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "giant":
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    elif kind == "socket":
        here = os.open(run.folder, os.O_RDONLY | os.O_DIRECTORY)
        with socket.socket(socket.AF_UNIX) as made:  # its name has to be short
            made.bind(f"/proc/self/fd/{here}/{name}")
        os.close(here)
    else:
        path.symlink_to({"loop": name, "nothing": "nowhere", "device": "/dev/zero"}[kind])
    assert f"cannot read {path}" in refusal(run.folder)


def test_a_link_to_an_ordinary_file_is_one(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    run.records_path.rename(elsewhere)
    run.records_path.symlink_to(elsewhere)
    assert len(read(run.folder).attempts) == 5


@pytest.mark.parametrize("text", [b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * 100, b"", b"null"])
def test_what_is_no_json_is_refused(tmp_path: Path, text: bytes) -> None:
    run = recorded(tmp_path)
    (run.folder / "run.json").write_bytes(text)
    assert "not a valid manifest" in refusal(run.folder)


@pytest.mark.parametrize("name", ["run.json", "records.jsonl", "logs"])
def test_a_resume_writes_nowhere_but_into_its_folder(tmp_path: Path, name: str) -> None:
    run = recorded(tmp_path)
    path, elsewhere = run.folder / name, tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(UserError, match="got a link"):
        read(run.folder).expect_own_files()


def test_a_resume_makes_the_folder_of_logs_that_was_not_published(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    (run.folder / "logs").rmdir()
    run.expect_own_files()
    assert (run.folder / "logs").is_dir()


def test_among_logs_only_ordinary_files_are_kept(tmp_path: Path) -> None:
    kept, link, pipe = (tmp_path / name for name in ("kept", "link", "pipe"))
    kept.write_text(f"said in {Path.home()}/x")
    link.symlink_to(kept)
    os.mkfifo(pipe)
    before = kept.read_text()
    assert keep_log(link) == keep_log(pipe) == ""
    assert kept.read_text() == before
    assert keep_log(kept)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".results.csv.{os.getpid()}").symlink_to(victim)
    with pytest.raises(UserError, match="cannot write"):
        write_whole(tmp_path / "results.csv", b"theirs")
    assert victim.read_text() == "mine"
