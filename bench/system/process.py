"""Linux processes: die with the parent, adopt orphans, find and end descendants by pid."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_UNKILLABLE_S = 10.0  # a process stuck in a driver outlives SIGKILL: waiting longer is no use

_libc = ctypes.CDLL(None, use_errno=True)

_spared: set[int] = set()  # children that outlive every ending of descendants


def die_with_parent(parent: int, signum: int = signal.SIGKILL) -> None:
    """Ask the kernel to signal this process when its parent ends, even if it has ended already."""
    _libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies, so that they can be ended."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root: int, spared: Collection[int] = ()) -> list[int]:
    """List the living processes below `root`, nearest first; none of the spared nor below them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent_of(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid for pid in children.get(root, ()) if pid not in spared]
    for pid in found:
        found += [below for below in children.get(pid, ()) if below not in spared]
    return found


def childless() -> bool:
    """Say whether this process has no child, and so nothing below it; cheaper than to look."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _parent_of(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text(errors="replace")  # a name may be of any bytes
    except OSError:
        return None  # it ended while we looked
    state, parent = stat.rpartition(")")[2].split()[:2]
    return None if state == "Z" else int(parent)


def spare(pid: int) -> None:
    """Leave out this child and all below it when descendants are ended: who started it ends it."""
    _spared.add(pid)


def spare_no_longer(pid: int) -> None:
    """Forget a child that was spared; its number may be another's one day."""
    _spared.discard(pid)


def end_descendants(grace_s: float = 1.0) -> None:
    """End everything below this process: SIGTERM, then SIGKILL after `grace_s`; reap it all."""
    if not reap():
        return  # orphans are adopted, so whoever is left is a child
    for pid in _doomed():
        _signal(pid, signal.SIGTERM)
    _reap_for(grace_s)
    for pid in _doomed():
        _signal(pid, signal.SIGKILL)
    _reap_for(_UNKILLABLE_S)


def _doomed() -> list[int]:
    return descendants(os.getpid(), _spared)


def _reap_for(seconds: float) -> None:
    """Reap until nothing is left below this process, or the time is up."""
    deadline = time.monotonic() + seconds
    while reap() and _doomed() and time.monotonic() < deadline:
        time.sleep(0.005)
    reap()


def reap() -> bool:
    """Collect every child that has ended; say whether any child is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _signal(pid: int, signum: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)
