"""What the machine grants a worker: instructions, quota, memory nodes, pages, boost, a compiler."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
from pathlib import Path

from bench.health.finding import ROOT, text
from bench.health.quota import quota_cores

_CHOSEN = re.compile(r"\[(\w+)\]")


def of_machine(root: Path = ROOT) -> dict[str, str]:
    """Return facts by name; what this kernel does not tell is left out."""
    quota = quota_cores(root)
    found = {
        "cpu_features": _features(root),
        "cpu_quota_cores": "none" if quota is None else f"{quota:g}",
        "memory_nodes": _status(root, "Mems_allowed_list"),
        "memory_policy": _memory_policy(root),
        "transparent_huge_pages": _chosen(root / "sys/kernel/mm/transparent_hugepage/enabled"),
        "huge_page_defragmentation": _chosen(root / "sys/kernel/mm/transparent_hugepage/defrag"),
        "simultaneous_multithreading": text(root / "sys/devices/system/cpu/smt/control").strip(),
        "boost": _boost(root / "sys/devices/system/cpu"),
        "compiler": _compiler(),
    }
    return {name: value for name, value in found.items() if value}


def _features(root: Path) -> str:
    """Hash the instructions that the CPU offers: a host may hide some of its own."""
    for line in text(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return hashlib.sha256(" ".join(sorted(value.split())).encode()).hexdigest()[:12]
    return ""


def _status(root: Path, field: str) -> str:
    for line in text(root / "proc/self/status").splitlines():
        if line.startswith(f"{field}:"):
            return line.partition(":")[2].strip()
    return ""


def _memory_policy(root: Path) -> str:
    """Return on which nodes pages are put: that of the first mapping, which is the process's."""
    words = text(root / "proc/self/numa_maps").split(maxsplit=2)
    return words[1] if len(words) > 1 else ""


def _chosen(path: Path) -> str:
    found = _CHOSEN.search(text(path))
    return found[1] if found else ""


def _boost(cpu: Path) -> str:
    """Say whether clocks may rise above the nominal one, by whichever driver tells."""
    if no_turbo := text(cpu / "intel_pstate/no_turbo").strip():
        return "off" if no_turbo == "1" else "on"
    boost = text(cpu / "cpufreq/boost").strip()
    return {"0": "off", "1": "on"}.get(boost, "")


def _compiler() -> str:
    """Return the first line that the C++ compiler says of itself: Inductor takes CXX, or g++."""
    command = [*shlex.split(os.environ.get("CXX", "")), "--version"]
    try:
        asked = command if len(command) > 1 else ["g++", "--version"]
        done = subprocess.run(asked, capture_output=True, encoding="utf-8", errors="replace")
    except OSError:
        return "none"
    return (done.stdout.splitlines() or ["none"])[0].strip()
