"""Python's time around calls that came or went: it came or went with them."""

from __future__ import annotations

import pandas as pd

from bench.profiling.classes import OUTSIDE

AROUND = "Python around those calls"


def with_python_around(table: pd.DataFrame) -> pd.DataFrame:
    """Give calls that a step does otherwise the time outside operators that goes with them.

    That is, for each of them, what the calls of that phase had on average in BASE, and never more
    than the change of that time: it becomes a row of its own, and is taken off the other.
    """
    own = table.apply(lambda row: _own_s(table, row), axis=1)
    belongs = own != 0
    pairs = zip(table[belongs].iterrows(), own[belongs], strict=True)
    rows = [_row(row, seconds) for (_, row), seconds in pairs]
    rest = table.assign(change_s=table["change_s"] - own)
    return pd.concat([rest, *rows], ignore_index=True)


def _own_s(table: pd.DataFrame, row: pd.Series) -> float:
    """Return the seconds of a row outside operators that belong to calls that came or went."""
    if row["class"] != OUTSIDE:
        return 0.0
    here = (table["phase"] == row["phase"]) & (table["part"] == row["part"])
    calls = float(table.loc[here, "base_calls"].sum())
    more = float(table.loc[here & table["otherwise"], "more_calls"].sum())
    if calls == 0 or more * row["change_s"] <= 0:
        return 0.0
    own_s = min(abs(more) * float(row["base_s"]) / calls, abs(float(row["change_s"])))
    return own_s if more > 0 else -own_s


def _row(row: pd.Series, own_s: float) -> pd.DataFrame:
    """Return that time as a row of what a call does otherwise."""
    own = {"operator": AROUND, "class": "", "otherwise": True, "change_s": own_s}
    own |= {"base_s": max(-own_s, 0.0), "new_s": max(own_s, 0.0)}
    return pd.DataFrame([{**row, **own, "base_calls": 0.0, "more_calls": 0.0}])
