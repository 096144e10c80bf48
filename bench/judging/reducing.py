"""What the samples of a process come to, where a comparison judges them.

The median is what is reported. Neighbours only ever slow a call down, so that on a busy machine a
lower figure differs less from process to process; which one is judged, a selftest has settled for
every kind of case before the comparison. A figure that looks at the faster samples sees a change of
the slower ones less: see docs/figures.md for how much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median

Reduce = Callable[[Sequence[float]], float]

PLAIN = "median"


def low_quartile(samples: Sequence[float]) -> float:
    """Return the value that a quarter of the samples lie below, interpolated."""
    ordered = sorted(samples)
    whole, part = divmod((len(ordered) - 1) / 4, 1)
    low, high = ordered[int(whole)], ordered[math.ceil((len(ordered) - 1) / 4)]
    return low + part * (high - low)


def faster_half(samples: Sequence[float]) -> float:
    """Return the mean of the faster half of the samples, the middle one among them."""
    return fmean(sorted(samples)[: (len(samples) + 1) // 2])


REDUCERS: Mapping[str, Reduce] = {
    PLAIN: median,
    "low_quartile": low_quartile,
    "faster_half": faster_half,
}


def named(quantity: str, reducer: str) -> str:
    """Return what is judged in one word: `time`, or `time:low_quartile`."""
    return quantity if reducer == PLAIN else f"{quantity}:{reducer}"


def told(judged: str) -> tuple[str, Reduce]:
    """Return the quantity and the reducer of that word; one that is unknown is the median."""
    quantity, _, reducer = judged.partition(":")
    return quantity, REDUCERS.get(reducer, median)
