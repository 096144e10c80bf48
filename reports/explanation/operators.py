"""Operators as causes: those that weigh something, or all at once where all changed alike."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from bench.cases.counted import counted
from bench.checking.structure.wording import more_or_less
from bench.judging.words import seconds, span
from bench.profiling.classes import OUTSIDE
from reports.explanation.cause import Cause

LONG = 0.02  # of a step: operators that take as much are asked whether they changed alike
SEVERAL = 3  # of them; two agree by chance
ALIKE = 0.25  # of their mean: how far their changes may lie apart
TOLD = 0.005  # of the change: less is written as nothing
LEAST = 0.05  # of the change: operators below it are told together
MOST = 4  # operators that are named beside a structure
HALF_A_CALL = 0.5  # steps are averaged


def operators(shares: pd.DataFrame) -> Iterator[Cause]:
    """Yield a cause for each operator that weighs something, and one for all others together.

    Where those that take long all changed by about one factor it is none of them: one cause.
    """
    long = shares["base_s"] >= LONG * shares["base_s"].sum()
    if alike := _alike(shares[long]):
        together, apart = long, shares[~long]
        yield Cause("operator", alike, float(shares[together]["share"].sum()))
    else:
        many = shares["share"].abs() >= LEAST
        for _, row in shares[many].iterrows():
            yield Cause("operator", in_words(row), float(row["share"]))
        apart = shares[~many]
    share = float(apart["share"].sum())
    if abs(share) >= TOLD:
        number = int((apart["change_s"] != 0).sum())
        yield Cause("operator", f"{counted(number, 'other')} that changed by less", share)


def _alike(long: pd.DataFrame) -> str:
    """Say by which factors all operators changed, where these are about one; empty where not."""
    if len(long) < SEVERAL or (long["new_s"] <= 0).any():
        return ""
    logs = (long["new_s"] / long["base_s"]).map(math.log)
    low, high = float(logs.min()), float(logs.max())
    if low * high <= 0 or high - low > ALIKE * abs(float(logs.mean())):
        return ""
    factors = span(math.exp(low), math.exp(high))
    return f"all {len(long)} operators that take long changed alike, to {factors} their time"


def named(shares: pd.DataFrame) -> tuple[str, ...]:
    """Name the operators that weigh most."""
    order = shares["share"].abs().sort_values(ascending=False, kind="stable").index
    few = shares.loc[order].head(MOST)
    return tuple(in_words(row) for _, row in few.iterrows() if row["change_s"])


def in_words(row: pd.Series) -> str:
    """Say by how much one operator grew, and by how many calls."""
    where = ": ".join(filter(None, (str(row["phase"]), str(row["part"]))))
    name = f"{row['operator']} ({where})" if where else str(row["operator"])
    if row["class"] == OUTSIDE:
        name = f"Python and libraries outside operators ({where})"
    more = row["more_calls"]
    calls = f", {more_or_less(round(more), 'call')}" if abs(more) >= HALF_A_CALL else ""
    which = f": {row['which']}" if row["which"] else ""
    return f"{name} {taken(row['base_s'])} → {taken(row['new_s'])} a step{calls}{which}"


def taken(value: float) -> str:
    """Write the seconds of a step."""
    return seconds(value) if value > 0 else "0"
