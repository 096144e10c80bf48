"""Run the command as a user does, and look for what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.side import Server, Side

ROOT = Path(__file__).resolve().parent.parent

Bench = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def bench() -> Bench:
    """Run `bench WORDS…` in a folder; never raises, whatever the exit code."""

    def run(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "bench", *map(str, words)],
            capture_output=True,
            text=True,
            cwd=cwd,
            timeout=300,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        )

    return run


@pytest.fixture(scope="session")
def faults_run(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run over every fault."""
    output = tmp_path_factory.mktemp("faults")
    done = bench(
        "run", "suites.faults", "--rounds", 2, "--timeout", 4, "--output", output, "--device", "cpu"
    )
    assert done.returncode == 0, done.stderr
    (folder,) = output.iterdir()
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Return a running fork server."""
    with Side().serve(tmp_path / "server.txt") as running:
        yield running
