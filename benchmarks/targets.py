"""What was asked of the verdict rule, held against what was counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks import ours
from benchmarks.results import Row, Target
from benchmarks.trials import FOUND, RUN_ALARMS

COST = "cost_over_first_stage"
MOST_ALARMS = 0.01
LEAST_POWER = 0.97
MOST_COST = 1.5


def simulated_targets(rows: Sequence[Row]) -> list[Target]:
    """Hold the simulation to what was asked of it."""
    own = [row for row in rows if row["rule"] == ours.NAME]
    costs = [_cost(row) for row in own if row["quantity"] == COST]
    return [*number_of_alarms(own), *costs, *found_a_change(own, 0.03), better_in_both(rows)]


def number_of_alarms(own: Sequence[Row]) -> list[Target]:
    """Hold every setting's rate of runs with a false alarm to the most there may be."""
    return [_alarms(row) for row in own if row["quantity"] == RUN_ALARMS]


def found_a_change(own: Sequence[Row], change: float) -> list[Target]:
    """Hold the rate at which a change of this size is found to the least it may be."""
    return [_power(row) for row in own if row["quantity"] == FOUND and row["change"] == change]


def better_in_both(rows: Sequence[Row]) -> Target:
    """Look for a peer with fewer false alarms and more power than ours, setting by setting."""
    settings = dict.fromkeys(row["setting"] for row in rows)
    better = [text for setting in settings for text in _better([*_in(rows, setting)])]
    what = "no peer rule better in both false alarms and power"
    return Target(what, "; ".join(better) or f"none in {len(settings)} settings", not better)


def _better(rows: Sequence[Row]) -> Iterator[str]:
    alarms = {(r["rule"], r["samples"]): r["rate"] for r in rows if r["quantity"] == RUN_ALARMS}
    found = [row for row in rows if row["quantity"] == FOUND]
    own = {row["change"]: row["rate"] for row in found if row["rule"] == ours.NAME}
    (own_alarms,) = (rate for (rule, _), rate in alarms.items() if rule == ours.NAME)
    for row in found:
        fewer = alarms[row["rule"], row["samples"]] < own_alarms
        # the counting's own error: a peer's interval must lie above what ours found
        if fewer and row["low"] > own[row["change"]]:
            where = f"{row['setting']}, a change of {row['change']:.0%}"
            yield f"{row['rule']} ({row['samples']}) at {where}"


def _alarms(row: Row) -> Target:
    got = f"{row['rate']:.2%} of {row['trials']} runs ({row['low']:.2%} to {row['high']:.2%})"
    what = f"false alarms at most {MOST_ALARMS:.0%}, {row['setting']}"
    return Target(what, got, row["rate"] <= MOST_ALARMS)


def _power(row: Row) -> Target:
    got = f"{row['rate']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    what = f"power at least {LEAST_POWER} for {row['change']:.0%}, {row['setting']}"
    return Target(what, got, row["rate"] >= LEAST_POWER)


def _cost(row: Row) -> Target:
    what = f"mean cost at most {MOST_COST} times the first stage, {row['setting']}"
    return Target(what, f"{row['rate']:.2f}", row["rate"] <= MOST_COST)


def _in(rows: Sequence[Row], setting: str) -> Iterator[Row]:
    return (row for row in rows if row["setting"] == setting)
