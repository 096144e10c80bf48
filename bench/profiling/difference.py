"""What two profiles of one case differ in: operator by operator, most first."""

from __future__ import annotations

import pandas as pd

from bench.profiling.operators import KEYS


def difference(base: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return by how many seconds a step every operator grew, and by how many calls.

    `base_calls` are those that it had. `share` is its part of the whole change; what grew and what
    shrank may each exceed it.
    """
    on_device = any((side["device_s"] > 0).any() for side in (base, new))
    spent = "device_s" if on_device else "self_s"
    sides = [
        side.groupby(KEYS)[[spent, "calls"]].sum().add_suffix(suffix)
        for side, suffix in ((base, "_base"), (new, "_new"))
    ]
    both = sides[0].join(sides[1], how="outer").fillna(0.0)
    frame = pd.DataFrame(
        {
            "base_s": both[f"{spent}_base"],
            "new_s": both[f"{spent}_new"],
            "change_s": both[f"{spent}_new"] - both[f"{spent}_base"],
            "base_calls": both["calls_base"],
            "more_calls": both["calls_new"] - both["calls_base"],
        }
    ).reset_index()
    total = frame["change_s"].sum()
    frame["share"] = frame["change_s"] / total if total else 0.0
    order = frame["change_s"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)
