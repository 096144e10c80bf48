"""Fork servers that are up at once: forks of one process that has imported torch already.

Most of a server's start is torch's import, three seconds of a processor and several times in a run;
most tests are after what comes then. Run as a script, this waits for who wants such a server, or
a process that makes what must exist before, and forks; `Forked` stands for it where
`subprocess.Popen` stood. Who wants another interpreter, or an environment that torch may heed at
its import, is refused, and starts one as users do.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from types import SimpleNamespace
from typing import IO, Any

from bench.system import own, session_cache
from tests.forebear import callers

FORKED = ("bench.workers.serve", "bench.workers.provision")
# What nothing that is imported here heeds; a fork gets its own.
FREE = {
    *("TMPDIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", session_cache.FOLDER),
    *("PYTEST_CURRENT_TEST", "PYTHONUNBUFFERED", "HOME", "PWD", "OLDPWD", "SHLVL", "_"),
    *("COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "XDG_CACHE_HOME", own.USERS_PATH),
    "TOUCHSTONE_CACHE",
}


def subprocess_of(name: str) -> Any:
    """Return what a server's handle knows as `subprocess`, with servers that are forked if may be.

    `name` is where the process listens that forks them.
    """

    def start(words: list[str], **options: Any) -> Any:
        if words[:3] == [sys.executable, "-P", "-m"] and words[3] in FORKED:
            with contextlib.suppress(ConnectionRefusedError, Refused):
                return Forked(name, words[3:], **options)
        return subprocess.Popen(words, **options)

    return SimpleNamespace(**{**vars(subprocess), "Popen": start})


class Refused(Exception):
    """A server of this kind cannot be had by a fork."""


class Forked:
    """A server that another process forked: the part of `Popen` that its parent makes use of."""

    def __init__(
        self,
        name: str,
        words: list[str],
        env: Mapping[str, str],
        stderr: IO[bytes],
        text: bool = False,
        **_: Any,
    ):
        asked = {"words": words, "environment": dict(env), "cwd": os.getcwd()}
        theirs, ours = os.pipe(), os.pipe()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            try:
                link.connect("\0" + name)
                given = [theirs[0], ours[1], stderr.fileno()]
                socket.send_fds(link, [json.dumps(asked).encode()], given)
                answer, (*ended,), _, _ = socket.recv_fds(link, 64, 1)
            finally:
                os.close(theirs[0])
                os.close(ours[1])
        kind = "" if text else "b"
        self.stdin: IO[Any] = os.fdopen(theirs[1], f"w{kind}")
        self.stdout: IO[Any] = os.fdopen(ours[0], f"r{kind}")
        if not ended:
            self.stdin.close()
            self.stdout.close()
            raise Refused
        self.pid, self._ended = int(answer), ended[0]
        self.returncode: int | None = None

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.wait()

    def poll(self) -> int | None:
        """Say whether it has ended; with which status only its own parent knows."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("a forked server", timeout or 0)
            os.close(self._ended)
            self.returncode = 0
        return self.returncode

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, signum: signal.Signals) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._ended, signum)


def main(name: str, parent: str) -> None:
    """Import what a server imports, then fork one for everybody who asks."""
    for door, link in callers(name, int(parent), _import_worker):
        _answer(door, link)


def _import_worker() -> None:
    import torch  # noqa: F401

    import bench.workers.worker  # noqa: F401


def _answer(door: socket.socket, link: socket.socket) -> None:
    said, given, _, _ = socket.recv_fds(link, 1 << 18, 3)
    asked = json.loads(said)
    if heeded(asked["environment"]) != heeded(os.environ):
        link.send(b"no")
    elif pid := os.fork():
        ended = os.pidfd_open(pid)
        socket.send_fds(link, [str(pid).encode()], [ended])
        os.close(ended)
    else:
        door.close()
        link.close()
        _become(asked, given)
    for descriptor in given:
        os.close(descriptor)


def heeded(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what torch, or anything else that is imported here, may heed."""
    own = {name for name in environment if name.startswith("PYTEST_XDIST_")}
    return {name: value for name, value in environment.items() if name not in FREE | own}


def _become(asked: dict[str, Any], given: list[int]) -> None:
    """Become what `python -m` makes of a module; never returns."""
    module, _, *more = asked["words"]
    os.setsid()
    for number, descriptor in enumerate(given):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    tempfile.tempdir = None
    sys.argv[:] = [module, str(os.getppid()), *more]
    try:
        importlib.import_module(module).main()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
