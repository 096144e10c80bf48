"""Two networks of their own on this machine, with a wire between them; they end with the test.

No name is given to any of it: the kernel removes a network with the last process in it, and a wire
with either of its ends.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from bench.system import process
from tests import children

_CLONE_NEWNET = 0x40000000
ADDRESSES = ("10.77.0.1", "10.77.0.2")


class NotPermitted(Exception):
    """Networks cannot be made here."""


@contextmanager
def two_networks() -> Iterator[list[int]]:
    """Yield a process in each network; NotPermitted where there can be none."""
    if missing := [name for name in ("ip", "tc", "nsenter") if shutil.which(name) is None]:
        raise NotPermitted(f"needs {', '.join(missing)}")
    holders: list[int] = []
    try:
        for _ in ADDRESSES:
            holders.append(_holder())
        _wire(holders)
        yield holders
    finally:
        for pid in holders:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def inside(holder: int) -> list[str]:
    """Return the words before a command that is to run in a holder's network."""
    return ["nsenter", f"--net=/proc/{holder}/ns/net", "--"]


def limit(holders: list[int], mbit: int) -> None:
    """Let each end send so many megabits a second, by a token bucket."""
    words = f"tc qdisc replace dev wire root tbf rate {mbit}mbit burst 64kb latency 200ms"
    for holder in holders:
        _do(*inside(holder), *words.split())


def delay(holders: list[int], ms: int) -> None:
    """Have each end's packets wait; NotPermitted where the kernel has no netem."""
    for holder in holders:
        _do(*inside(holder), *f"tc qdisc replace dev wire root netem delay {ms}ms".split())


def _holder() -> int:
    """Return a child in a network of its own, which ends with this process."""
    reader, writer = os.pipe()
    parent = os.getpid()

    def hold() -> int:
        process.die_with_parent(parent)
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.unshare(_CLONE_NEWNET)
        os.write(writer, os.strerror(ctypes.get_errno()).encode() if failed else b"up")
        while not failed:
            signal.pause()
        return 1

    pid = children.start(hold)
    os.close(writer)
    with os.fdopen(reader) as told:
        said = os.read(told.fileno(), 200).decode()
    if said != "up":
        children.end(pid)
        raise NotPermitted(f"no network of its own: {said}")
    return pid


def _wire(holders: list[int]) -> None:
    one, other = map(str, holders)
    words = ("type", "veth", "peer", "name", "wire", "netns", other)
    _do("ip", "link", "add", "wire", "netns", one, *words)
    for holder, address in zip(holders, ADDRESSES, strict=True):
        for asked in (f"addr add {address}/24 dev wire", "link set wire up", "link set lo up"):
            _do(*inside(holder), "ip", *asked.split())


def _do(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise NotPermitted(f"{' '.join(words)}: {done.stderr.strip()}")
