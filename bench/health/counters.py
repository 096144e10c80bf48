"""Whether the CPU's energy can be read."""

from __future__ import annotations

from pathlib import Path

from bench.health.finding import ROOT, Finding
from bench.machine.probes import rapl


def energy(root: Path = ROOT) -> Finding:
    """Tell whether RAPL is there and ours to read; that it is not makes no time wander."""
    powercap = root / rapl.POWERCAP.relative_to("/")
    if rapl.read(powercap):
        return Finding("CPU energy", "read by RAPL, a package at a time")
    if any(powercap.glob("intel-rapl:*")):
        return Finding(
            "CPU energy",
            f"only root may read it: `chmod a+r /{rapl.POWERCAP.relative_to('/')}"
            "/intel-rapl:*/energy_uj` as root, where every user may know it",
        )
    return Finding("CPU energy", "no RAPL here; energy is left out")
