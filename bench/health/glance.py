"""Counters that tell of now only when they are read twice."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from bench.health.finding import ROOT, number, text
from bench.health.quota import times_held
from bench.state import load
from bench.system import process

LOOK_S = 2.0


@dataclass(frozen=True)
class Glance:
    """What had been counted at one moment.

    `cpu_s` by kind of process (its short name, nobody's in particular), without our own;
    `heat_events` are slowdowns for heat since boot, `swapped_pages` in and out, `times_held` how
    often a CPU quota stopped this container.
    """

    load: load.Snapshot
    cpu_s: dict[str, float]
    heat_events: int
    swapped_pages: int
    times_held: int


def look(seconds: float = LOOK_S, root: Path = ROOT) -> tuple[Glance, Glance]:
    """Glance twice, some seconds apart; does nothing in between."""
    before = glance(root)
    time.sleep(seconds)
    return before, glance(root)


def glance(root: Path = ROOT) -> Glance:
    """Read all counters."""
    return Glance(
        load.snapshot(), _cpu_s(root), heat_events(root), _swapped_pages(root), times_held(root)
    )


def heat_events(root: Path) -> int:
    """Sum how often cores were slowed for heat; a package's count is repeated by its cores."""
    cores = (root / "sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle")
    each = [number(folder / "core_throttle_count") or 0 for folder in cores]
    packages = (root / "sys/devices/system/cpu").glob(
        "cpu*/thermal_throttle/package_throttle_count"
    )
    return sum(each) + max((number(path) or 0 for path in packages), default=0)


def _swapped_pages(root: Path) -> int:
    lines = text(root / "proc/vmstat").splitlines()
    return sum(int(n.split()[1]) for n in lines if n.startswith(("pswpin ", "pswpout ")))


def _cpu_s(root: Path) -> dict[str, float]:
    """Sum the CPU seconds of processes by their short names, as `chrome` or `kworker`."""
    own = {os.getpid(), *process.descendants(os.getpid())}
    ticks = os.sysconf("SC_CLK_TCK")
    found: dict[str, float] = {}
    for entry in (root / "proc").glob("[0-9]*"):
        stat = text(entry / "stat")
        if not stat or int(entry.name) in own:
            continue
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        kind = re.split(r"[/:\d]", name)[0].rstrip("-_ ") or name
        cpu_s = (int(fields[11]) + int(fields[12])) / ticks  # utime and stime, proc(5)
        found[kind] = found.get(kind, 0.0) + cpu_s
    return found
