"""What was measured of a device, and the least time that a case can take there.

The roofline: no call is over before its FLOPs are done at the best rate, nor before its bytes
have moved at the best bandwidth (Williams, Waterman and Patterson 2009, CACM 52(4)).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from bench.cases.bounds import Count, Device, Few, Name, Rate, Seconds, Several, Spreading
from bench.cases.case import Case

# What asks for a dtype may be computed in any that is at least as precise: the rate is the best.
AT_LEAST_AS_PRECISE = {
    "float64": ("float64",),
    "float32": ("float32", "float64"),
    "float16": ("float16", "float32", "float64"),
    "bfloat16": ("bfloat16", "float16", "float32", "float64"),
}

LEAST_ERROR = 0.05  # shapes and layouts that no probe has differ by so much

Limit = Literal["compute", "memory"]


@dataclass(frozen=True)
class Bandwidth:
    """The most bytes a second of a pass that moves so many, read and written; `by` which pass."""

    moved_bytes: Count
    bytes_per_s: Rate
    spread: Spreading
    by: Name


@dataclass(frozen=True)
class ProductRate:
    """The most FLOP/s of a product of two `size` x `size` matrices of a dtype."""

    dtype: Name
    flops_per_s: Rate
    spread: Spreading
    size: Count


@dataclass(frozen=True)
class Timer:
    """What reading a clock costs, and the least difference of two readings."""

    clock: Name
    overhead_s: Seconds
    resolution_s: Seconds


@dataclass(frozen=True)
class Roofline:
    """The least seconds a call can take, what sets them, and how far a time may fall below.

    `error` is relative: `bound_s / time` above `1 + error` is impossible.
    """

    bound_s: float
    limit: Limit
    error: float


@dataclass(frozen=True)
class Ceilings:
    """One device at one number of threads: the best of `rounds` that interleave all probes.

    A `spread` is how far the best round lies above the worst, as a share of the worst. `launch_s`
    is the shortest call of an operator (CPU), an empty kernel between two events (CUDA). Where
    other work `disturbed` the rounds, they are no ceilings, and bound nothing.
    """

    device: Device
    threads: Several
    bandwidths: list[Bandwidth] = field(default_factory=list)
    products: list[ProductRate] = field(default_factory=list)
    launch_s: Seconds = 0.0
    timers: list[Timer] = field(default_factory=list)
    rounds: Few = 0
    wall_s: Seconds = 0.0
    disturbed: bool = False

    def bandwidth(self, moved_bytes: int) -> Bandwidth | None:
        """Return the best that a pass moving so many bytes, or more, can reach.

        Between two sizes the smaller one counts, since caches serve it at least as well; below
        the smallest it is the best of all. So more bytes never have a higher ceiling.
        """
        below = [b.moved_bytes for b in self.bandwidths if b.moved_bytes <= moved_bytes]
        return self._fastest_from(max(below, default=0))

    def product_rate(self, dtypes: Iterable[str]) -> ProductRate | None:
        """Return the best rate at which any of these dtypes may be computed."""
        allowed = {wide for dtype in dtypes for wide in AT_LEAST_AS_PRECISE.get(dtype, ())}
        found = [product for product in self.products if product.dtype in allowed]
        return max(found, key=lambda p: p.flops_per_s, default=None)

    def roofline(self, case: Case) -> Roofline | None:
        """Return the bound of a case; None where it declares neither FLOPs nor bytes."""
        bounds = []
        if case.flops and (product := self.product_rate(case.computes_in or [case.dtype])):
            error = max(product.spread, LEAST_ERROR)
            bounds.append(Roofline(case.flops / product.flops_per_s, "compute", error))
        if case.bytes_moved and (width := self.bandwidth(case.bytes_moved)):
            error = max(width.spread, self._edge(width), LEAST_ERROR)
            bounds.append(Roofline(case.bytes_moved / width.bytes_per_s, "memory", error))
        return max(bounds, key=lambda r: r.bound_s, default=None)

    def _edge(self, width: Bandwidth) -> float:
        """Return how much faster the next smaller size is, as a share.

        At the edge of a cache that much is uncertain: how much of it is free varies.
        """
        below = [b.moved_bytes for b in self.bandwidths if b.moved_bytes < width.moved_bytes]
        faster = self._fastest_from(max(below, default=0))
        return faster.bytes_per_s / width.bytes_per_s - 1 if faster else 0.0

    def _fastest_from(self, moved_bytes: int) -> Bandwidth | None:
        reached = [b for b in self.bandwidths if b.moved_bytes >= moved_bytes]
        return max(reached, key=lambda b: b.bytes_per_s, default=None)


def bound_of(ceilings: Iterable[Ceilings], case: Case) -> Roofline | None:
    """Return a case's bound under the best ceilings measured at its number of threads, or fewer.

    A GPU's are the same at any number. None where they were disturbed, or not measured; a case of
    several ranks has none.
    """
    usable = [
        c
        for c in ceilings
        if c.device == case.device and c.threads <= case.threads and not c.disturbed
    ]
    on_cpu = case.device == "cpu"
    if case.ranks > 1 or (on_cpu and not any(c.threads == case.threads for c in usable)):
        return None
    found = [bound for c in usable if (bound := c.roofline(case))]
    return min(found, key=lambda r: r.bound_s, default=None)
