"""Commands that begin at once: forks of one process that has imported the libraries they need.

Most of a command that measures nothing is the import of pandas, SciPy and their like, more than a
second of a processor. Run as a script, this waits for words, and forks; `run` is who asks. What
is the project's own is imported after the fork. Where a variable differs that Python or a library
heeds at its start, the command is a process of its own, as a user's is.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.forebear import callers

HEEDED = ("PYTHON", "LC_", "LANG", "OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "LD_")


def run(
    name: str, words: list[str], cwd: Path, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Do as `subprocess.run` does, by a fork if the process at `name` may."""
    asked = {"words": words[3:], "cwd": str(cwd), "environment": environment}
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        link.connect("\0" + name)
        socket.send_fds(link, [json.dumps(asked).encode()], [out.fileno(), err.fileno()])
        pid = int(link.recv(64))
        if not pid:
            return _by_a_process(words, cwd, environment, timeout)
        link.settimeout(timeout)
        try:
            code = int(link.recv(64))
        except TimeoutError:
            os.kill(pid, 9)
            raise subprocess.TimeoutExpired(words, timeout) from None
        return subprocess.CompletedProcess(words, code, _text(out), _text(err))


def _by_a_process(
    words: list[str], cwd: Path, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, capture_output=True, text=True, cwd=cwd, timeout=timeout, env=environment
    )


def _text(file: Any) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")


def heeded(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what was heeded when this process started."""
    return {name: value for name, value in environment.items() if name.startswith(HEEDED)}


def main(name: str, parent: str) -> dict[str, Any]:
    """Import libraries and fork for everybody who asks; return what is asked, in the forks."""
    for door, link in callers(name, int(parent), _import_libraries):
        if asked := _answered(door, link):
            return asked
    raise AssertionError("expected callers without end")


def _import_libraries() -> None:
    import altair  # noqa: F401
    import msgspec  # noqa: F401
    import pandas  # noqa: F401
    import rich.console  # noqa: F401
    import scipy.special  # noqa: F401
    import typer  # noqa: F401


def _answered(door: socket.socket, link: socket.socket) -> dict[str, Any] | None:
    """Fork a process that waits for the command, and the command; None in the one that listens."""
    said, given, _, _ = socket.recv_fds(link, 1 << 18, 2)
    asked: dict[str, Any] = json.loads(said)
    if heeded(asked["environment"]) != heeded(os.environ):
        link.send(b"0")
    elif not os.fork():
        door.close()
        if pid := os.fork():
            _wait_for(pid, link)
        for number, descriptor in enumerate(given, start=1):
            os.dup2(descriptor, number)
            os.close(descriptor)
        return asked
    for descriptor in given:
        os.close(descriptor)
    return None


def _wait_for(pid: int, link: socket.socket) -> None:
    """Tell the command's number, and what it ended with; never returns."""
    link.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    link.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def begin(asked: dict[str, Any]) -> None:
    """Become the command."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    tempfile.tempdir = None
    from tests.command import main as command

    command(*asked["words"])


if __name__ == "__main__":
    begin(main(*sys.argv[1:]))
