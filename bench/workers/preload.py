"""Preload: what a fork server imports for its workers, and nothing that spoils CUDA in a fork.

Whoever asks CUDA's driver anything before a fork leaves every fork of it without CUDA ("Cannot
re-initialize CUDA in forked subprocess"). Some libraries ask at import whether there is a GPU. With
`PYTORCH_NVML_BASED_CUDA_CHECK=1` torch asks NVML instead; where NVML does not answer, it still asks
the driver. So a fork is asked after every import.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence

from bench.system import process

LEFT_OUT = "!"  # before a name on the command line: known to spoil, never to be imported


class Spoiled(Exception):
    """An import that leaves forks of this process without CUDA; it cannot be taken back."""

    def __init__(self, name: str):
        super().__init__(f"{name} begins CUDA when it is imported: no fork could use it then")
        self.name = name


def preload(names: Sequence[str]) -> list[str]:
    """Import what is named; return what was left out. Raises `Spoiled` where one spoils forks."""
    left_out = [name.removeprefix(LEFT_OUT) for name in names if name.startswith(LEFT_OUT)]
    if forks_are_spoiled():
        raise SystemExit("importing torch already begins CUDA here: no fork could use it then")
    for name in names:
        if name.startswith(LEFT_OUT):
            continue
        with contextlib.suppress(Exception):  # a worker that needs it will say so
            importlib.import_module(name)
        if forks_are_spoiled():
            raise Spoiled(name)
    return left_out


def forks_are_spoiled() -> bool:
    """Ask a fork whether CUDA cannot be begun in it; False where torch knows no CUDA."""
    import torch

    name = "_cuda_isInBadFork"
    return hasattr(torch._C, name) and bool(ask_a_fork(lambda: getattr(torch._C, name)()))


def ask_a_fork(question: Callable[[], int]) -> int:
    """Return a fork's answer, a number of one byte; it may do what a process must not that forks.

    Raises `RuntimeError` where the fork died.
    """
    return told_by_a_fork(lambda: bytes([question()]))[0]


def told_by_a_fork(question: Callable[[], bytes]) -> bytes:
    """Return what a fork answers; RuntimeError where it died before it did, and of what."""
    parent = os.getpid()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            process.die_with_parent(parent)
            with os.fdopen(writer, "wb") as stream:
                stream.write(question())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not answer:
        cause = f" of {signal.Signals(-code).name}" if code < 0 else ""
        raise RuntimeError(f"a fork died{cause} before it answered")
    return answer


def begin_again(names: Sequence[str], culprit: str) -> None:
    """Replace this process by one that does not import the culprit: same pid, same pipes."""
    marked = [LEFT_OUT + name if name == culprit else name for name in names]
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1 : -len(names)], *marked])
