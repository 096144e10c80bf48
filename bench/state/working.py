"""Who worked while samples were taken: CPU time by thread and by process, not what was asked."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from bench.cases.case import Case
from bench.system import process

# CPU seconds a second of the window beyond what was asked. The clocks count nanoseconds and an
# honest worker has no thread that wakes by itself: what is allowed for is the end of a job that
# the first calls began.
STRAY_CORES = 0.05

_CPU_CLOCK_OF_PROCESS, _CPU_CLOCK_OF_THREAD = 2, 6  # see Linux, posix-timers: MAKE_*_CPUCLOCK
# Threads that carry messages between ranks: torch's for every process group, and gloo's own, which
# have no name of their own before torch 2.12 and are known by their birth: see `carrying`.
_CARRIERS = ("pt_gloo", "gloo", "pt_nccl", "pt_tcpstore", "pt_elastic")
_born_to_carry: set[int] = set()

Worker = tuple[str, int]


@dataclass(frozen=True)
class Spent:
    """CPU seconds at one moment: of the calling thread, of all, and of each that is alive."""

    wall_s: float
    caller_s: float
    total_s: float
    of: dict[Worker, float] = field(default_factory=dict)
    carriers: frozenset[Worker] = frozenset()


@dataclass(frozen=True)
class Found:
    """What worked in a window, in cores: 1.0 is one core all the time."""

    cores: float
    stray_cores: float

    def beyond(self, threads: int) -> str:
        """Say how more worked than was asked; empty where nothing did."""
        if self.stray_cores <= STRAY_CORES:
            return ""
        return (
            f"threads_ran={self.cores:.2f} where threads={threads} was asked: "
            f"{self.stray_cores:.2f} of it in threads or processes beyond them"
        )


@contextmanager
def carrying() -> Iterator[None]:
    """Take the threads that begin meanwhile for carriers of messages between ranks."""
    before = _threads()
    try:
        yield
    finally:
        _born_to_carry.update(_threads() - before)


class Watch:
    """Reads at both ends of the sampling window; a context manager."""

    def __init__(self, case: Case):
        self._case = case
        self._moments: list[Spent] = []

    def __enter__(self) -> Watch:
        self._moments.append(spent())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._moments.append(spent())

    def found(self) -> Found:
        """Return what worked between the two ends."""
        before, after = self._moments
        return between(before, after, self._case.threads, self._case.ranks > 1)


def between(before: Spent, after: Spent, threads: int, carried: bool = False) -> Found:
    """Tell what worked beyond the calling thread and `threads` - 1 others, the busiest.

    Threads that came and went have no name: they are beyond what was asked where the sum is. Of
    several ranks (`carried`) those that carry messages are no threads of the case.
    """
    wall_s = max(after.wall_s - before.wall_s, 1e-6)
    others_s = (after.total_s - before.total_s) - (after.caller_s - before.caller_s)
    of = {worker: after.of[worker] - before.of.get(worker, 0.0) for worker in after.of}
    if carried:
        others_s -= sum(of.pop(worker, 0.0) for worker in after.carriers)
    beyond_s = sum(sorted(of.values(), reverse=True)[threads - 1 :])
    stray_s = max(beyond_s, others_s - (threads - 1) * wall_s, 0.0)
    cores = (after.caller_s - before.caller_s + others_s) / wall_s
    return Found(max(cores, 0.0), stray_s / wall_s)


def spent() -> Spent:
    """Read the CPU time of this process and of all below it."""
    caller = threading.get_native_id()
    of: dict[Worker, float] = {}
    carriers = set()
    for thread in _threads() - {caller}:
        worker = ("thread", thread)
        of[worker] = _clock_s(thread, _CPU_CLOCK_OF_THREAD)
        if thread in _born_to_carry or _name(thread).startswith(_CARRIERS):
            carriers.add(worker)
    below = {("process", pid): seconds for pid, seconds in _below()}
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total_s = time.process_time() + ended.ru_utime + ended.ru_stime + sum(below.values())
    return Spent(
        time.monotonic(), time.thread_time(), total_s, {**of, **below}, frozenset(carriers)
    )


def _threads() -> set[int]:
    return set(map(int, os.listdir("/proc/self/task")))


def _below() -> Iterator[tuple[int, float]]:
    """Yield the processes that this one started, and their CPU seconds."""
    for pid in [] if process.childless() else process.descendants(os.getpid()):
        yield pid, _clock_s(pid, _CPU_CLOCK_OF_PROCESS) + _reaped_s(pid)


def _clock_s(number: int, clock: int) -> float:
    """Read the CPU clock of a thread or process; 0 where it has ended."""
    try:
        return time.clock_gettime((~number << 3) | clock)
    except OSError:
        return 0.0


def _reaped_s(pid: int) -> float:
    """Return the CPU seconds of a process's own children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _name(thread: int) -> str:
    try:
        return Path(f"/proc/self/task/{thread}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""
