"""The Pareto front of distance against cost, in words."""

from __future__ import annotations

import pandas as pd


def front(rows: pd.DataFrame, cost: str, distance: str) -> pd.DataFrame:
    """Keep what no other row beats: as cheap and nearer, or as near and cheaper; cheapest first."""
    ordered = rows.dropna(subset=[cost, distance]).sort_values([cost, distance])
    best = ordered[distance].cummin()
    return ordered[best < best.shift(fill_value=float("inf"))]


def front_in_words(rows: pd.DataFrame, cost: str, distance: str, unit: str) -> str:
    """Name the front up to where it first meets the floor; intervals say how sure each place is."""
    kept = front(rows, cost, distance)
    floor = kept["fd_floor"] if "fd_floor" in kept else float("-inf")  # of statistics there is none
    at_floor = (kept[distance] <= floor).to_numpy()
    if at_floor.any():
        kept = kept.iloc[: int(at_floor.argmax()) + 1]
    told = [
        f"{row['sampler']} at {row[cost]:.3g} ({row[distance]:.3g})" for _, row in kept.iterrows()
    ]
    ending = ", where the floor is met" if at_floor.any() else ""
    return f"Pareto front by estimate, in {unit}: {', '.join(told)}{ending}."
