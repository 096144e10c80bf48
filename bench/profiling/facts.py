"""What a rank tells of a profile beside its trace: how it was taken, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from bench.cases.bounds import Count, Few, Name, Number, Seconds, Text


@dataclass(frozen=True)
class MemoryOverTime:
    """Bytes alive by category at moments of a step, in seconds since it began."""

    times_s: list[Number] = field(default_factory=list)
    bytes_by_category: dict[Name, list[Count]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """How one rank was profiled.

    Steps were taken in turns, `plain_s` without the profiler and `profiled_s` with it, in seconds
    each. `phases` and `parts` are the names of ranges within a step. `composite` operators only
    call others, `views` compute nothing. `dropped` events, none longer than `dropped_within_s`, are
    not in the trace. `without` says what could not be recorded, and why.
    """

    rank: Few
    ranks: Few
    device: Name
    plain_s: list[Seconds]
    profiled_s: list[Seconds]
    phases: list[Name] = field(default_factory=list)
    parts: list[Name] = field(default_factory=list)
    composite: list[Name] = field(default_factory=list)
    views: list[Name] = field(default_factory=list)
    dropped: Count = 0
    dropped_within_s: Seconds = 0.0
    memory: MemoryOverTime = field(default_factory=MemoryOverTime)
    without: dict[Name, Text] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Return how many steps the trace shows."""
        return len(self.profiled_s)

    @property
    def cost(self) -> float:
        """Return by which share a profiled step takes longer than a plain one, by medians."""
        return median(self.profiled_s) / median(self.plain_s) - 1
