"""The archive of `bench gpucheck`: of nobody, and its runs can be read."""

from __future__ import annotations

import socket
import subprocess
import tarfile
from pathlib import Path

from bench.judging.record import fold
from bench.running.proving.gpucheck import archive
from bench.sides.checkout import publishable
from bench.store import read
from bench.system.own import ROOT
from tests.running.proving.made_parts import UUID


def test_what_tells_who_it_was_is_replaced() -> None:
    text = f"{Path.home()}/x, {ROOT}/bench, {socket.gethostname()} at 10.0.0.7"
    left = archive.anonymous(text)
    assert left == f"{publishable(text).removesuffix('10.0.0.7')}<address>"
    assert str(ROOT) not in left


def test_an_archive_is_of_nobody_and_its_runs_can_be_read(faults_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "suites-faults"
    (folder / "runs" / "0").mkdir(parents=True)
    (folder / "runs" / "0" / faults_run.name).symlink_to(faults_run)  # of elsewhere: left out
    copied = folder / "runs" / "1" / faults_run.name
    subprocess.run(["cp", "-r", faults_run, tmp_path / "copy"], check=True)
    copied.parent.mkdir()
    (tmp_path / "copy").rename(copied)
    (folder / "log.txt").write_text(f"on GPU-{UUID} in {Path.home()}/y")
    (folder / "core").write_bytes(b"\0" * 9)
    made = tmp_path / "gpucheck-x.tar.gz"
    archive.write(made, {"gpucheck.txt": "a line\n"}, {"suites-faults": folder})
    with tarfile.open(made) as tar:
        entries = tar.getmembers()
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4; later ones warn without it
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(tmp_path / "got")
    assert all((e.uid, e.gid, e.uname, e.gname, e.mtime) == (0, 0, "", "", 0) for e in entries)
    got = tmp_path / "got" / "gpucheck-x"
    assert (got / "gpucheck.txt").read_text() == "a line\n"
    assert (got / "suites-faults" / "log.txt").read_text() == "on <device> in ~/y"
    assert not (got / "suites-faults" / "core").exists()
    assert not (got / "suites-faults" / "runs" / "0").exists()
    there, here = (
        fold(read(f)) for f in (got / "suites-faults/runs/1" / faults_run.name, faults_run)
    )
    assert [(r.case.id, r.outcome) for r in there] == [(r.case.id, r.outcome) for r in here]
