"""The Pareto front of distance against cost, in words."""

from __future__ import annotations

import pandas as pd


def front(rows: pd.DataFrame, cost: str, distance: str) -> pd.DataFrame:
    """Keep what no other row beats: as cheap and nearer, or as near and cheaper; cheapest first."""
    ordered = rows.dropna(subset=[cost, distance]).sort_values([cost, distance])
    best = ordered[distance].cummin()
    return ordered[best < best.shift(fill_value=float("inf"))]


def front_to_floor(rows: pd.DataFrame, cost: str, distance: str) -> tuple[pd.DataFrame, bool]:
    """Keep the front up to where it first meets the floor, and say whether it does.

    It is met where the intervals do, or the estimates where there is none: beyond, one sampler is
    nearer than another by chance alone.
    """
    kept = front(rows, cost, distance)
    if "fd_floor" not in kept:  # given statistics have no images to make one of
        return kept, False
    near, floor = (_end(kept, *ends) for ends in ((distance, "_low"), ("fd_floor", "_high")))
    at_floor = (near <= floor).to_numpy()
    met = bool(at_floor.any())
    return (kept.iloc[: int(at_floor.argmax()) + 1] if met else kept), met


def front_in_words(rows: pd.DataFrame, cost: str, distance: str, unit: str) -> str:
    """Name the front up to where it first meets the floor; intervals say how sure each place is."""
    kept, met = front_to_floor(rows, cost, distance)
    told = [
        f"{row['sampler']} at {row[cost]:.3g} ({row[distance]:.3g})" for _, row in kept.iterrows()
    ]
    ending = ", where the floor is met" if met else ""
    return f"Pareto front by estimate, in {unit}: {', '.join(told)}{ending}."


def _end(rows: pd.DataFrame, name: str, end: str) -> pd.Series:
    """Return an end of a quantity's interval, the estimate where there is none."""
    return rows[f"{name}{end}"].fillna(rows[name]) if f"{name}{end}" in rows else rows[name]
