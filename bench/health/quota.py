"""A container's CPU quota: it stops every process in it once the quota of a period is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.cases.counted import counted
from bench.health.finding import ROOT, Finding, number, text


def quota(held: int, usable: set[int], root: Path = ROOT) -> Finding:
    """Tell the quota; `held` is how often it stopped this container since it was made."""
    cores = quota_cores(root)
    if cores is None:
        return Finding("CPU quota", "none")
    seen = f"{cores:g} cores in each period, was held {counted(held, 'time')}"
    if cores >= len(usable) and not held:
        return Finding("CPU quota", seen)
    fewer = ",".join(map(str, sorted(usable)[: max(int(cores), 1)]))
    return Finding(
        "CPU quota",
        seen,
        "once it is used, everything stops for the rest of the period: run without a CPU limit, "
        f"or bind to no more cores than it has: `taskset -c {fewer} bench run …`",
        "held to a CPU quota",
    )


def quota_cores(root: Path) -> float | None:
    """Return the tightest quota on this process, in cores; None without one."""
    found = [_cores(folder) for folder in _folders(root)]
    return min((cores for cores in found if cores is not None), default=None)


def times_held(root: Path) -> int:
    """Return how often a quota stopped this process's group."""
    counts = [0]
    for folder in _folders(root):
        for line in text(folder / "cpu.stat").splitlines():
            name, _, value = line.partition(" ")
            if name == "nr_throttled":
                counts.append(int(value))
    return max(counts)


def _cores(folder: Path) -> float | None:
    quota_us, _, period_us = text(folder / "cpu.max").partition(" ")  # cgroup v2
    if quota_us.isdigit() and period_us.isdigit():
        return int(quota_us) / int(period_us)
    quota_v1 = number(folder / "cpu.cfs_quota_us")
    period_v1 = number(folder / "cpu.cfs_period_us")
    if quota_v1 and period_v1 and quota_v1 > 0:
        return quota_v1 / period_v1
    return None


def _folders(root: Path) -> Iterator[Path]:
    """Yield the folders of this process's CPU group and of those around it, in both versions."""
    for line in text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = Path(path.lstrip("/"))
        for part in (group, *group.parents):
            if ".." not in part.parts:
                yield mount / part
