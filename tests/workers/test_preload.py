"""What a server imports for its workers leaves them CUDA, or is left out and named."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.sides.server import Server
from bench.sides.servers import Servers
from bench.sides.side import Side
from bench.workers.preload import LEFT_OUT, Spoiled, ask_a_fork, preload

# What torch's own counter does, on any build: a fork of a process that began CUDA cannot use it.
SPOILS = """
import os, torch
torch._C._cuda_isInBadFork = lambda: False
os.register_at_fork(after_in_child=lambda: setattr(torch._C, "_cuda_isInBadFork", lambda: True))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "asks_the_driver.py").write_text(SPOILS)
    (tmp_path / "harmless.py").write_text("imported = True\n")
    (tmp_path / "broken.py").write_text("raise OSError('not today')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def modules_of(server: Server) -> set[str]:
    maps = Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")
    return {word.decode() for word in maps}


@pytest.mark.parametrize("place", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_a_module_that_begins_cuda_is_left_out_and_named(folder: Path, place: int) -> None:
    names = ["harmless", "broken"]
    names.insert(place, "asks_the_driver")
    with Side().serve(folder / "server.txt", tuple(names)) as server:
        assert server.hello["left_out"] == ["asks_the_driver"]
        assert server.hello["threads"] == 1
        assert LEFT_OUT + "asks_the_driver" in modules_of(server)
        reply = server.attempt(
            {
                "surroundings": {"names": []},
                "timeout_s": 60,
                "log": str(folder / "log.txt"),
            }
        )
        assert reply["outcome"] == "ok", reply  # its pipes are those of the first process


def test_a_run_is_told_once_of_every_module_that_was_left_out(folder: Path) -> None:
    told: list[str] = []

    up = SimpleNamespace(hello={"left_out": ["one", "two"]})
    servers = Servers(Side(), [], lambda: folder / "log.txt", lambda _: "", tell=told.append)
    servers._running = {("one", "two"): up}  # type: ignore[dict-item]
    servers.wait()
    assert [line.split()[0] for line in told] == ["one", "two"]
    assert all("begins CUDA" in line for line in told)


def test_what_spoils_no_fork_is_imported(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.syspath_prepend(folder)
    assert preload(["harmless", "broken", LEFT_OUT + "asks_the_driver"]) == ["asks_the_driver"]


def test_who_spoils_is_named(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    import bench.workers.preload

    answers = iter([False, False, True])
    monkeypatch.setattr(bench.workers.preload, "forks_are_spoiled", lambda: next(answers))
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(Spoiled, match=r"^broken begins CUDA"):
        preload(["harmless", "broken"])


def test_a_fork_answers_for_its_parent() -> None:
    assert ask_a_fork(lambda: 7) == 7
    with pytest.raises(RuntimeError, match="died"):
        ask_a_fork(lambda: os._exit(3))


def test_servers_ask_nvml_and_not_the_driver_whether_there_is_a_gpu(folder: Path) -> None:
    with Side().serve(folder / "server.txt") as server:
        assert server.hello
        environment = Path(f"/proc/{server.pid}/environ").read_bytes().split(b"\0")
    assert b"PYTORCH_NVML_BASED_CUDA_CHECK=1" in environment
