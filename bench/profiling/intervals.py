"""Stretches of time as sorted intervals that do not touch: joined, common, and without."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Interval = tuple[float, float]


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the time that any of them covers."""
    found: list[Interval] = []
    for begin, end in sorted(i for i in intervals if i[1] > i[0]):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


def common(a: Sequence[Interval], b: Sequence[Interval]) -> list[Interval]:
    """Return the time that both cover; each joined."""
    found, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        begin, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if begin < end:
            found.append((begin, end))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return found


def length(intervals: Iterable[Interval]) -> float:
    """Return the seconds of joined intervals."""
    return sum(end - begin for begin, end in intervals)


class Named:
    """Intervals that have names: of which is a moment?"""

    def __init__(self, named: Iterable[tuple[str, Interval]]):
        self._found = sorted(((i, name) for name, i in named), key=lambda one: one[0])
        self._begins = [i[0] for i, _ in self._found]

    def at(self, moment: float) -> str:
        """Return the name of the interval that a moment lies in, the latest begun; empty: none."""
        for number in range(bisect_right(self._begins, moment) - 1, -1, -1):
            (_, end), name = self._found[number]
            if moment < end:
                return name
            if number < bisect_right(self._begins, moment) - 8:
                break  # they do not nest deeply
        return ""
