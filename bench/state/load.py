"""What else the CPU did while a worker ran, and whether the worker had to wait for it."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

WAITED_SHARE = 0.05  # of the worker's own CPU time, spent runnable without a core
STOLEN_SHARE = 0.05  # of all cores, taken by the host
CROWDED_CORES = 0.15  # used by others beyond the cores that were free for them


@dataclass(frozen=True)
class Snapshot:
    """Counters at one moment, all in seconds; CPU seconds are summed over cores.

    `own_s` counts this process and its children that have ended.
    """

    wall_s: float
    busy_s: float
    steal_s: float
    own_s: float
    waited_s: float


@dataclass(frozen=True)
class Elsewhere:
    """What others took between two snapshots, in cores (1.0: one core all the time).

    `waited_share` is the time this process was ready to run and had no core, as a share of the
    time it ran: the direct evidence of contention, where mere use of other cores is none.
    """

    other_cores: float
    stolen_share: float
    waited_share: float

    @property
    def contended(self) -> bool:
        return self.waited_share > WAITED_SHARE or self.stolen_share > STOLEN_SHARE

    def crowded(self, free_cores: int) -> bool:
        """Say whether others used more than the cores that a group of ranks left free.

        Ranks wait for each other all the time, so their own waiting is no evidence.
        """
        return self.other_cores > free_cores + CROWDED_CORES or self.stolen_share > STOLEN_SHARE


def snapshot() -> Snapshot:
    """Read the counters of the machine and of this process."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = [int(f) / ticks for f in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    busy = user + nice + system + irq + softirq
    return Snapshot(time.monotonic(), busy, steal, own, _waited_s())


def between(a: Snapshot, b: Snapshot) -> Elsewhere:
    """Return what others used from `a` to `b`; never negative."""
    wall, own = max(b.wall_s - a.wall_s, 1e-3), b.own_s - a.own_s
    others = (b.busy_s - a.busy_s) - own
    return Elsewhere(
        other_cores=max(others / wall, 0.0),
        stolen_share=max((b.steal_s - a.steal_s) / wall / (os.cpu_count() or 1), 0.0),
        waited_share=(b.waited_s - a.waited_s) / max(own, 1e-2),
    )


def _waited_s() -> float:
    """Sum the run-queue delay of this process's threads; 0 where the kernel does not count it."""
    delays = 0
    for path in Path("/proc/self/task").glob("*/schedstat"):
        try:
            delays += int(path.read_text().split()[1])
        except (OSError, IndexError):
            continue
    return delays * 1e-9
