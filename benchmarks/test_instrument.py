"""The instrument measured: what a command, a server, a fork and a fold cost. `make benchmarks`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.judging.record import fold
from bench.judging.statistics import interval
from bench.sides.server import Server
from bench.sides.side import Side
from bench.store import read
from bench.system.own import ROOT
from benchmarks import large

GOLDEN = ROOT / "tests" / "data" / "golden"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Return a running fork server."""
    with Side().serve(tmp_path / "server.txt") as running:
        yield running


def test_help(benchmark: Any) -> None:
    """The command line's own start-up."""
    benchmark(subprocess.run, [sys.executable, "-m", "bench", "--help"], capture_output=True)


def test_server_start(benchmark: Any, tmp_path: Path) -> None:
    """A new fork server: one a round and side, mostly the import of torch."""

    def start_and_end() -> None:
        with Side().serve(tmp_path / "server.txt"):
            pass

    benchmark.pedantic(start_and_end, rounds=5)


def test_attempt_that_measures_nothing(benchmark: Any, server: Server, tmp_path: Path) -> None:
    """Fork, load and end a worker: the overhead of every attempt."""
    case = {"suite": "", "variant": "", "module": "no_such_module", "problem": "", "values": {}}
    request = {
        "case": case,
        "role": "check",
        "timeout_s": 60,
        "log": str(tmp_path / "log.txt"),
    }
    benchmark(server.attempt, request)


def test_read_and_fold(benchmark: Any) -> None:
    """Read a run folder and fold its attempts."""
    benchmark(lambda: fold(read(GOLDEN)))


def test_interval(benchmark: Any) -> None:
    """One interval over five rounds."""
    values = np.random.default_rng(0).lognormal(0, 0.01, 5)
    benchmark(interval, {(0, i): float(v) for i, v in enumerate(values)})


def test_compare_thousand_cases(benchmark: Any, tmp_path: Path) -> None:
    """Two runs of a thousand cases, two million samples each, compared by the command."""
    base, new = large.sides(tmp_path)
    command = [sys.executable, "-m", "bench", "compare", str(base), str(new)]
    told = [*command, "--output", str(tmp_path / "compared")]
    (tmp_path / "compared").mkdir()
    benchmark.pedantic(subprocess.run, [told], {"check": True, "capture_output": True}, rounds=3)
