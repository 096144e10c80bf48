"""How the steps of two profiles differ, all of it: operators, waits, and a GPU without work."""

from __future__ import annotations

from statistics import fmean, median

import pandas as pd

from bench.profiling.classes import COMMUNICATION, OUTSIDE, WAITING
from bench.profiling.difference import difference
from bench.profiling.overlap import NOT_COMPUTING
from bench.profiling.read import Profile

MESSAGES = "waiting for messages"  # the row of what no operator of a rank waits in
IDLE = "nothing on the GPU"  # the row of a step's time in which no kernel runs


def change_of_step(base: Profile, new: Profile) -> pd.DataFrame:
    """Return by how many seconds a step every operator grew, and by how many calls.

    Of several ranks it is the average. What the profiler costs a call is taken off those that have
    more calls, or fewer: an operator of as many calls bears that cost on both sides alike. On a GPU
    operators have the time of their kernels, and there it costs none.
    """
    found, cost_s = difference(_table(base), _table(new)), cost_of_a_call(base, new)
    if any(not rank.kernels.empty for profile in (base, new) for rank in profile.ranks):
        more = float(found["more_calls"].sum())
        idle = _idle_row(_idle_s(base), _idle_s(new), more * cost_s)
        return pd.concat([found, idle], ignore_index=True)
    changes = zip(found["change_s"], cost_s * found["more_calls"], strict=True)
    return found.assign(change_s=[_less(change, cost) for change, cost in changes])


def cost_of_a_call(base: Profile, new: Profile) -> float:
    """Return what the profiler takes a call, as measured on both sides together."""
    ranks = [rank for profile in (base, new) for rank in profile.ranks]
    taken = sum(median(r.facts.profiled_s) - median(r.facts.plain_s) for r in ranks)
    calls = sum(float(rank.operators["calls"].sum()) for rank in ranks)
    return max(taken, 0.0) / calls if calls else 0.0


def _table(profile: Profile) -> pd.DataFrame:
    """Return the operators of the average rank."""
    every = pd.concat([rank.operators for rank in profile.ranks], ignore_index=True)
    numbers = ["calls", "self_s", "device_s"]
    table = every.assign(**{name: every[name] / len(profile.ranks) for name in numbers})
    return _with_messages(table, fmean(rank.overlap.exposed_s for rank in profile.ranks))


def _with_messages(table: pd.DataFrame, exposed_s: float) -> pd.DataFrame:
    """Give the time that a CPU waits for messages outside operators a row, apart from Python's."""
    outside = table["class"] == OUTSIDE
    outside_s = float(table.loc[outside, "self_s"].sum())
    told_s = float(table.loc[table["class"].isin(NOT_COMPUTING), "self_s"].sum())
    waits_s = min(max(exposed_s - told_s, 0.0), outside_s)
    if waits_s <= 0:
        return table
    kept = table["self_s"].where(~outside, table["self_s"] * (1 - waits_s / outside_s))
    row = {"phase": "", "part": "", "class": COMMUNICATION, "operator": MESSAGES, "calls": 0.0}
    waits = pd.DataFrame([{**row, "dtype": "", "self_s": waits_s, "device_s": 0.0}])
    return pd.concat([table.assign(self_s=kept), waits], ignore_index=True)


def _less(change: float, cost: float) -> float:
    """Take a cost off a change, which it cannot turn around; one of the other sign stays."""
    if change * cost <= 0:
        return change
    return 0.0 if abs(cost) >= abs(change) else change - cost


def _idle_s(profile: Profile) -> float:
    return fmean(rank.overlap.idle_s for rank in profile.ranks)


def _idle_row(base_s: float, new_s: float, cost_s: float) -> pd.DataFrame:
    row = {"phase": "", "part": "", "class": WAITING, "operator": IDLE}
    calls = {"base_calls": 0.0, "more_calls": 0.0}
    change = _less(new_s - base_s, cost_s)
    return pd.DataFrame([{**row, **calls, "base_s": base_s, "new_s": new_s, "change_s": change}])
