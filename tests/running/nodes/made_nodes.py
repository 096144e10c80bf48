"""Two nodes of one run, each a command of its own, and a file of cases that fail on node 1."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.store import read
from bench.store.run import Run
from bench.system.network import free_port
from tests.conftest import BENCH, ROOT

MINE = '''
"""Steps of two ranks: one that works, and ways to fail on the second."""
import os, signal, time
from pathlib import Path
import torch.distributed as dist
from bench import variant
from suites.faults.ranks import SumOverRanks, summed

def on_the_second(act):
    def step(inputs):
        if dist.get_rank() == 1:
            act()
        return summed(inputs)
    return step

def fail():
    raise ArithmeticError("no sum today")

def sleep():
    Path(__file__).with_name("begun").touch()
    time.sleep(3596)

@variant
def works(problem: SumOverRanks):
    return summed

@variant
def raises(problem: SumOverRanks):
    return on_the_second(fail)

@variant
def loses_a_rank(problem: SumOverRanks):
    return on_the_second(lambda: os.kill(os.getpid(), signal.SIGKILL))

@variant
def loses_an_agent(problem: SumOverRanks):
    return on_the_second(lambda: os.kill(os.getppid(), signal.SIGKILL))

@variant
def sleeps(problem: SumOverRanks):
    return on_the_second(sleep)
'''


class Nodes:
    """Starts two nodes in folders of their own, which are their users' homes as well."""

    host = "127.0.0.1"

    def __init__(
        self, folder: Path, command: Sequence[str] = BENCH, patience_s: float = 240.0
    ) -> None:
        self.folder, self.command, self.patience_s = folder, command, patience_s
        self.port = free_port()
        self.homes = [folder / "node0", folder / "node1"]
        for home in self.homes:
            (home / "temporary").mkdir(parents=True)
            (home / "mine.py").write_text(MINE)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *words: object, node: int, within: Sequence[str] = ()) -> None:
        home = self.homes[node]
        asked = [
            "--nnodes",
            "2",
            "--node-rank",
            node,
            "--rdzv-endpoint",
            f"{self.host}:{self.port}",
        ]
        self.started.append(
            subprocess.Popen(
                [*within, *self.command, "run", *map(str, [*words, *asked])],
                cwd=home,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "HOME": str(home),
                    "PYTHONPATH": str(ROOT),
                    "COLUMNS": "200",
                    "TMPDIR": str(home / "temporary"),
                },
            )
        )

    def both(self, *words: object) -> list[tuple[int, str]]:
        """Give both nodes the same command; return exit codes and what was said."""
        for node in (1, 0):
            self.start(*words, node=node)
        return self.end()[::-1]

    def end(self) -> list[tuple[int, str]]:
        """Wait for all that were started, in that order."""
        found = [(one, one.communicate(timeout=self.patience_s)[0]) for one in self.started]
        self.expect_nothing_left()
        self.started.clear()
        return [(one.returncode, said) for one, said in found]

    def run(self) -> Run:
        (folder,) = (self.homes[0] / "runs").iterdir()
        return read(folder)

    def expect_nothing_left(self) -> None:
        """Expect no process of theirs, and a free port."""
        pids = [one.pid for one in self.started]
        deadline = time.monotonic() + 15
        while (left := _below(pids)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left
        socket.create_server(("", self.port)).close()


def _below(pids: list[int]) -> list[str]:
    """List servers, workers and ranks of these commands: they all carry their server's name."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    names = [f"bench.workers.serve {pid}" for pid in pids]
    return [line for line in listed.splitlines() if any(name in line for name in names)]
