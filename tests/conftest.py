"""Run the command as a user does, and look for what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import pytest
import torch

from bench import cli
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


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute on one thread: for tiny tensors a second one costs ten times what it saves."""
    torch.set_num_threads(1)


ServerFor = Callable[[tuple[str, ...]], Server]


@pytest.fixture(scope="session")
def server_for(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFor]:
    """Return a running fork server with a preload; the same one to every test that asks for it."""
    started: dict[tuple[str, ...], Server] = {}
    with ExitStack() as stack:

        def find(preload: tuple[str, ...]) -> Server:
            if preload not in started:
                log = tmp_path_factory.mktemp("server") / "server.txt"
                started[preload] = stack.enter_context(Side().serve(log, preload))
            return started[preload]

        yield find


@pytest.fixture
def server(server_for: ServerFor) -> Server:
    """Return a running fork server; a test that ends one starts its own."""
    return server_for(())


@pytest.fixture
def bench_here(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Bench:
    """Do as `bench` does, in this process and with a server that is up: for words that measure
    nothing, where starting Python and torch would take longest.
    """

    def run(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        monkeypatch.setattr(Side, "list_cases", lambda _, request: server.list_cases(request))
        monkeypatch.setattr("bench.commands.run.served", lambda side: nullcontext((side, server)))
        terminated = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as left:
            cli.main()
        signal.signal(signal.SIGTERM, terminated)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, int(left.value.code or 0), said.out, said.err)

    return run
