"""Who else uses this machine now: other processes, the host of a virtual machine, swap."""

from __future__ import annotations

import os
from pathlib import Path

from bench.health.finding import ROOT, Finding, text
from bench.health.glance import Glance
from bench.state import load

BUSY_CORES = 0.25
NAMED_CORES = 0.02  # fewer are not worth a name
STOLEN_SHARE = 0.01


def others(before: Glance, after: Glance) -> Finding:
    """Tell what other processes use, and of which kind they are."""
    seen = load.between(before.load, after.load)
    wall_s = max(after.load.wall_s - before.load.wall_s, 1e-3)
    used = {kind: (s - before.cpu_s.get(kind, 0.0)) / wall_s for kind, s in after.cpu_s.items()}
    top = sorted(used.items(), key=lambda item: -item[1])[:3]
    named = ", ".join(f"{kind} {cores:.2f}" for kind, cores in top if cores > NAMED_CORES)
    text = f"other processes use {seen.other_cores:.2f} cores" + (f" ({named})" if named else "")
    text += f", load {os.getloadavg()[0]:.1f}"
    if seen.other_cores <= BUSY_CORES:
        return Finding("load", text)
    return Finding(
        "load", text, "stop other work: samples that wait for a core are flagged", "busy"
    )


def stolen(before: Glance, after: Glance) -> Finding:
    """Tell what the host of a virtual machine took."""
    share = load.between(before.load, after.load).stolen_share
    seen = f"the host takes {share:.1%} of the cores' time"
    if share <= STOLEN_SHARE:
        return Finding("stolen time", seen)
    advice = "the host gives these cores to others too: try later, or take dedicated cores"
    return Finding("stolen time", seen, advice, "robbed of time by its host")


def swap(before: Glance, after: Glance, root: Path = ROOT) -> Finding:
    """Tell whether memory is on disk, and whether it moves now."""
    fields = dict(
        line.split(":", 1) for line in text(root / "proc/meminfo").splitlines() if ":" in line
    )
    total, free = (int(fields.get(name, "0").split()[0]) for name in ("SwapTotal", "SwapFree"))
    moved = after.swapped_pages - before.swapped_pages
    seen = f"{(total - free) / 2**10:.0f} MiB in use, {moved} pages moved while looking"
    if moved:
        advice = "memory is being moved to disk and back: free memory, then `swapoff -a`"
        return Finding("swap", seen, advice, "short of memory")
    return Finding("swap", seen if total else "none")
