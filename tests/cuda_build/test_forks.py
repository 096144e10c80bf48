"""Workers forked by the real server may begin CUDA, whatever was imported before."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.sides.server import Server
from bench.sides.side import Side
from tests.suites.test_variants import FOUND

pytestmark = pytest.mark.cuda_build

# What asks its process, before anything else, whether CUDA could be begun in it.
ASKED = """
from dataclasses import dataclass
import torch
from bench import Problem, Unsupported, variant

@dataclass(frozen=True)
class Asked(Problem):
    '''Whether this process may begin CUDA.'''
    ranks = (1, 2)

    def make_inputs(self, seed, setting): ...
    def call(self, step, setting): ...
    def check(self, call, inputs, setting): ...

@variant
def told(problem: Asked):
    raise Unsupported(f"in a bad fork: {torch._C._cuda_isInBadFork()}")
"""
ASKS_THE_DRIVER = """
import contextlib, torch
with contextlib.suppress(RuntimeError):
    torch._C._cuda_getDeviceCount()
"""

PRELOADS = sorted({param.values[1].preload for param in FOUND})

IMPORTS_AND_FORKS = """
import contextlib, importlib, os, sys, torch
with contextlib.suppress(Exception):
    importlib.import_module(sys.argv[1])
if (pid := os.fork()) == 0:
    os._exit(torch._C._cuda_isInBadFork())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@cache
def spoils(name: str) -> bool:
    """Import one module in a process of its own; tell whether a fork of it is without CUDA."""
    words = [sys.executable, "-c", IMPORTS_AND_FORKS, name]
    environment = {**os.environ, "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}  # as the servers' own
    code = subprocess.run(words, env=environment).returncode
    assert code in (0, 1), f"asked whether {name} spoils a fork, and got exit code {code}"
    return code == 1


def told_by(server: Server, folder: Path, ranks: int = 1, device: str = "cpu") -> str:
    """Let a fork, or ranks forked from it, tell whether it may begin CUDA."""
    file = folder / "asked.py"
    file.write_text(ASKED)
    case = Case("own", "told", str(file), "Asked", {}, ranks=ranks, device=device)
    request = {"case": asdict(case), "role": "check", "timeout_s": 120}
    reply = server.attempt({**request, "log": str(folder / "log.txt")})
    detail: str = reply["detail"]
    return detail


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize("preload", PRELOADS, ids=lambda names: names[0] if names else "nothing")
def test_with_nvml_nothing_that_is_preloaded_spoils_a_fork(
    preload: tuple[str, ...], tmp_path: Path
) -> None:
    with Side().serve(tmp_path / "server.txt", preload) as server:
        assert "left_out" not in server.hello
        assert server.hello["threads"] == 1
        assert told_by(server, tmp_path).endswith("in a bad fork: False")


@pytest.mark.usefixtures("two_gpus")
def test_with_nvml_ranks_are_no_bad_forks(tmp_path: Path) -> None:
    with Side().serve(tmp_path / "server.txt") as server:
        assert told_by(server, tmp_path, ranks=2).endswith("in a bad fork: False")


@pytest.mark.usefixtures("two_gpus")
def test_devices_are_counted_without_spoiling_the_ranks(tmp_path: Path) -> None:
    """Two ranks come as far as the driver, which is not there; three are refused."""
    with Side().serve(tmp_path / "server.txt") as server:
        assert "needs 3 GPUs" in told_by(server, tmp_path, ranks=3, device="cuda:0")
        two = told_by(server, tmp_path, ranks=2, device="cuda:0")
        assert "re-initialize" not in two
        assert "began CUDA" not in two
        assert two.startswith("rank "), two


@pytest.mark.usefixtures("no_nvml")
@pytest.mark.parametrize("preload", PRELOADS, ids=lambda names: names[0] if names else "nothing")
def test_without_nvml_what_spoils_forks_is_left_out_and_named(
    preload: tuple[str, ...], tmp_path: Path
) -> None:
    """Which imports those are differs between releases of torch: each is asked by itself."""
    with Side().serve(tmp_path / "server.txt", preload) as server:
        assert server.hello.get("left_out", []) == [name for name in preload if spoils(name)]
        assert told_by(server, tmp_path).endswith("in a bad fork: False")


@pytest.mark.usefixtures("no_nvml")
def test_without_nvml_something_that_is_preloaded_does_spoil() -> None:
    assert any(spoils(name) for preload in PRELOADS for name in preload)


@pytest.mark.usefixtures("two_gpus")
def test_who_asks_the_driver_itself_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "asks_the_driver.py").write_text(ASKS_THE_DRIVER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Side().serve(tmp_path / "server.txt", ("json", "asks_the_driver")) as server:
        assert server.hello["left_out"] == ["asks_the_driver"]
        assert told_by(server, tmp_path).endswith("in a bad fork: False")
