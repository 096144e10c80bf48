"""Where things lie in memory: an effect of the process, that rounds are there to average over."""

from __future__ import annotations

import re
from pathlib import Path

from bench.health.finding import ROOT, Finding, number, text


def addresses(root: Path = ROOT) -> Finding:
    """Tell whether every process gets its own layout of addresses."""
    randomised = number(root / "proc/sys/kernel/randomize_va_space")
    if randomised is None:
        return Finding("address layout", "not told")
    if randomised:
        return Finding("address layout", "random in every process; rounds average over it")
    return Finding(
        "address layout",
        "the same in every process",
        "all rounds share one layout, and intervals miss its effect: "
        "`sysctl kernel.randomize_va_space=2`",
        "one with a fixed address layout",
    )


def huge_pages(root: Path = ROOT) -> Finding:
    """Tell whether the kernel may merge pages behind a process's back."""
    said = text(root / "sys/kernel/mm/transparent_hugepage/enabled")
    chosen = re.search(r"\[(\w+)\]", said)
    policy = chosen[1] if chosen else "not told"
    if policy != "always":
        return Finding("huge pages", policy)
    advice = (
        "pages are merged whenever the kernel gets to it: "
        "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled` as root is steadier"
    )
    return Finding("huge pages", policy, advice, "one that moves memory into huge pages")
