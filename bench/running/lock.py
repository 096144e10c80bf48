"""One run per device at a time: a second one waits, or leaves with one line.

The lock lies where every process of the machine looks, whatever its environment and its user: files
in fixed folders, and an abstract socket. Containers and services with folders of their own often
share the network, others share a folder; two runs miss each other only where they share neither.
All of it that can be had is held, always in the same order, and freed by the kernel.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.cases.case import Case
from bench.errors import CANNOT_WRITE, UserError
from bench.running.identity import names_of

PREFIX = "touchstone"
FOLDERS = ("/dev/shm", "/run/lock", "/tmp")  # of the machine; $TMPDIR is each process's own
POLL_S = 1.0  # only where files are not shared; else a waiting run sleeps until it is its turn


class _Held(Exception):
    """Another process has the lock."""


@contextmanager
def device_lock(device: str, wait: bool, cases: Sequence[Case] = ()) -> Iterator[None]:
    """Hold the lock of a device, and of every GPU that the cases' ranks run on."""
    with ExitStack() as ours:
        try:
            for name in names_of(device, cases):
                _hold(f"{PREFIX}-{name}", wait, ours)
        except _Held:
            raise UserError(
                f"another run is measuring on {device}, and two would disturb each other; "
                "wait for it with --wait"
            ) from None
        yield


def _hold(name: str, wait: bool, ours: ExitStack) -> None:
    """Hold a name in every place that there is; UserError where there is none."""
    places = 0
    for folder in FOLDERS:
        if (descriptor := _open(f"{folder}/{name}.lock")) is not None:
            ours.callback(os.close, descriptor)
            _lock(descriptor, wait)
            places += 1
    if (bound := _bind(name, wait)) is not None:
        ours.callback(bound.close)
        places += 1
    if not places:
        where = ", ".join(FOLDERS)
        raise UserError(f"no place for a lock: expected to read or write in {where}", CANNOT_WRITE)


def _lock(descriptor: int, wait: bool) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise _Held from None


def _open(path: str) -> int | None:
    """Open a lock's file, whoever made it; None where it cannot be had, or is none.

    Reading is enough to lock it. A link is not followed, and nothing is ever written, so that
    whatever another user puts there does no harm.
    """
    for _ in range(2):  # once more where another made it in between
        try:
            return _regular(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
        except FileNotFoundError:
            pass
        except OSError:
            return None
        try:
            made = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.fchmod(made, 0o644)  # for every user, whatever the mask of this one
            return made
        except FileExistsError:
            continue
        except OSError:
            return None
    return None


def _regular(descriptor: int) -> int | None:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def _bind(name: str, wait: bool) -> socket.socket | None:
    """Take the name among abstract sockets; None where the system has none."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    while True:
        try:
            bound.bind(f"\0{name}")
            return bound
        except OSError as error:
            if error.errno == errno.EADDRINUSE and wait:
                time.sleep(POLL_S)
                continue
            bound.close()
            if error.errno == errno.EADDRINUSE:
                raise _Held from None
            return None
