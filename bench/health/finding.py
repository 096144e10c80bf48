"""A finding of `bench doctor`, and how findings are read from the kernel's small files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `advice` says what to do where it is not well.

    `makes_it` is then the word for such a machine: "This machine is busy".
    """

    what: str
    seen: str
    advice: str = ""
    makes_it: str = ""


def text(path: Path) -> str:
    """Return what a small file says; empty where it is not there or not ours to read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def number(path: Path) -> int | None:
    """Return the number a small file says; None where it says none."""
    said = text(path)
    return int(said) if said.lstrip("-").isdigit() else None


def numbers_in(ranges: str) -> set[int]:
    """Read the kernel's way to list CPUs: `0-3,8`."""
    found: set[int] = set()
    for part in filter(None, ranges.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
