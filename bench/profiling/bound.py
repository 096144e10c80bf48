"""What bounds an operator: the device's ceilings set against its FLOPs, bytes and time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from bench.cases.case import Case
from bench.machine.ceilings import Ceilings

LAUNCHES = 3.0  # times the shortest call there is: shorter, and the call itself costs as much
NEAR = 0.3  # of a ceiling; below it none of both is what holds it up


@dataclass(frozen=True)
class Bound:
    """The share of its least time that an operator takes, and what sets that time.

    `limit` is `compute`, `memory`, `launch` for calls near the shortest there is, `neither` where
    it is far from both, and empty where nothing is known.
    """

    limit: str = ""
    roofline_share: float | None = None


def ceilings_of(found: Iterable[Ceilings], case: Case) -> Ceilings | None:
    """Return the ceilings of a case's device and threads; those of one rank hold for several."""
    own = [
        c
        for c in found
        if c.device == case.device and not c.disturbed and c.threads <= case.threads
    ]
    return max(own, key=lambda c: c.threads, default=None)


def with_bounds(table: pd.DataFrame, ceilings: Ceilings | None) -> pd.DataFrame:
    """Return the operators with their rates, and what bounds each."""
    spent = "device_s" if (table["device_s"] > 0).any() else "total_s"
    known = table[spent].where(table[spent] > 0)
    bounds = [
        bound(ceilings, row["dtype"], row["flops"], row["bytes"], row[spent], row["calls"])
        for _, row in table.iterrows()
    ]
    return table.assign(
        flops_per_s=(table["flops"] / known).where(table["flops"] > 0),
        bytes_per_s=(table["bytes"] / known).where(table["bytes"] > 0),
        roofline_share=pd.Series([b.roofline_share for b in bounds], table.index, dtype=float),
        limit=[b.limit for b in bounds],
    )


def bound(
    ceilings: Ceilings | None, dtype: str, flops: float, moved: float, seconds: float, calls: float
) -> Bound:
    """Judge an operator by what it takes a step, in so many calls."""
    if ceilings is None or calls == 0 or seconds <= 0 or flops + moved == 0:
        return Bound()
    product = ceilings.product_rate([dtype]) if flops else None
    width = ceilings.bandwidth(int(moved / calls)) if moved else None
    least = {
        "compute": flops / product.flops_per_s if product else 0.0,
        "memory": moved / width.bytes_per_s if width else 0.0,
    }
    limit = max(least, key=lambda name: least[name])
    share = least[limit] / seconds
    if share >= NEAR:
        return Bound(limit, share)
    short = seconds / calls < LAUNCHES * ceilings.launch_s
    return Bound("launch" if short else "neither", share)
