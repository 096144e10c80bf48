"""Where things lie in memory: an effect of the process, that rounds are there to average over."""

from __future__ import annotations

import re
from pathlib import Path

from bench.health.finding import ROOT, Finding, number, text

_ADDR_NO_RANDOMIZE = 0x0040000  # personality(2)


def addresses(root: Path = ROOT) -> Finding:
    """Tell whether every process gets its own layout of addresses."""
    randomised = number(root / "proc/sys/kernel/randomize_va_space")
    if randomised is None:
        return Finding("address layout", "not told")
    if _switched_off_here(root):
        return Finding(
            "address layout",
            "the same in every process started from here (setarch -R, or a debugger)",
            "all rounds share one layout, and intervals miss its effect: start from a plain shell",
            "one with a fixed address layout",
        )
    if randomised:
        return Finding("address layout", "random in every process; rounds average over it")
    return Finding(
        "address layout",
        "the same in every process",
        "all rounds share one layout, and intervals miss its effect: "
        "`sysctl kernel.randomize_va_space=2`",
        "one with a fixed address layout",
    )


def _switched_off_here(root: Path) -> bool:
    """Say whether this process, and so its children, runs with ADDR_NO_RANDOMIZE."""
    said = text(root / "proc/self/personality")
    return bool(int(said or "0", 16) & _ADDR_NO_RANDOMIZE)


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
