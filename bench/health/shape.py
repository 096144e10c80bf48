"""What the machine is built of: cores, threads that share one, memory nodes, a virtual floor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.health.finding import ROOT, Finding, numbers_in, text

FEW_CORES = 2


def cores(facts: dict[str, Any]) -> Finding:
    """Tell how many cores may be used."""
    usable = facts["cores_usable"]
    seen = f"{usable} usable of {facts['cores']} ({facts['cpu']})"
    if usable > FEW_CORES:
        return Finding("cores", seen)
    advice = "keep to threads=1 and run nothing else: every other process takes one of few cores"
    return Finding("cores", seen, advice, "small")


def siblings(usable: set[int], root: Path = ROOT) -> Finding:
    """Tell which usable CPUs are threads of one core, and name one of each core."""
    cpus = root / "sys/devices/system/cpu"
    lists = {cpu: text(cpus / f"cpu{cpu}/topology/thread_siblings_list") for cpu in usable}
    groups = {frozenset(numbers_in(said) & usable) for said in lists.values() if said}
    if not groups or max(map(len, groups)) < 2:
        return Finding("threads of a core", "no two usable CPUs share a core")
    firsts = ",".join(map(str, sorted(min(group) for group in groups)))
    return Finding(
        "threads of a core",
        f"{len(usable)} usable CPUs are {len(groups)} cores",
        f"two threads of a core slow each other: `taskset -c {firsts} bench run …` takes one "
        "of each",
        "one where threads share cores",
    )


def memory_nodes(root: Path = ROOT) -> Finding:
    """Tell whether memory is nearer to some cores than to others."""
    nodes = (root / "sys/devices/system/node").glob("node[0-9]*/cpulist")
    with_cpus = [path for path in nodes if text(path)]
    if len(with_cpus) < 2:
        return Finding("memory nodes", "one")
    advice = (
        "memory may be near or far from a worker: "
        "`numactl --cpunodebind=0 --membind=0 bench run …` keeps to one node"
    )
    return Finding("memory nodes", str(len(with_cpus)), advice, "of several memory nodes")


def virtual(facts: dict[str, Any]) -> Finding:
    """Tell whether a machine below this one has other tenants."""
    seen = f"machine {facts['virtualisation']}, container {facts['container']}"
    if facts["virtualisation"] in ("none", "none seen"):
        return Finding("virtualisation", seen)
    advice = "neighbours can disturb it unseen: trust ratios within one run more than times"
    return Finding("virtualisation", seen, advice, "virtual")
