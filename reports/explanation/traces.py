"""Causes that traces of both runs weigh: what ran more or less, and what slowed as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from bench.cases.counted import counted
from bench.judging.comparing.matching import Match
from bench.judging.words import seconds
from bench.profiling.change import change_of_step
from bench.profiling.classes import COMPILED, OUTSIDE
from bench.profiling.read import Profile, profile_of
from bench.structure.structure import Structure
from bench.structure.wording import more_or_less
from reports.explanation.cause import Cause

TOLD = 0.005  # of the change: less is written as nothing
LEAST = 0.05  # of the change: operators below it are told together
TRUSTED = 2.0  # times the measured change: traces that show more are of something else
MOST = 4  # operators that are named beside a structure
HALF_A_CALL = 0.5  # steps are averaged


@dataclass(frozen=True)
class Weighed:
    """What traces tell of a change of time, in seconds a step.

    `shares` has a row an operator, its `share` being of `change_s`, the measured change; None
    where traces are missing, or show another change. `told` says what they show, or why not.
    """

    shares: pd.DataFrame | None
    told: str

    @property
    def explained(self) -> float:
        """Return the share of the change that the traces show at all."""
        return 0.0 if self.shares is None else float(self.shares["share"].sum())


def weighed(match: Match, change_s: float) -> Weighed:
    """Read the traces of both sides, and set what they show against the measured change.

    Where they show more than was measured, shares are of what they show, so that these never come
    to more than all of it. Traces of the other sign, or of far more, explain nothing.
    """
    both, why = _profiles(match)
    if both is None:
        return Weighed(None, why)
    table = change_of_step(*both)
    shown = float(table["change_s"].sum())
    if shown * change_s <= 0 or abs(shown) > TRUSTED * abs(change_s):
        return Weighed(None, f"{_how_much(shown, change_s)}, which is another change")
    whole = max(abs(shown), abs(change_s)) * (1 if change_s > 0 else -1)
    return Weighed(table.assign(share=table["change_s"] / whole), _how_much(shown, change_s))


def _profiles(match: Match) -> tuple[tuple[Profile, Profile] | None, str]:
    """Return the profiles of both sides, or why there are none."""
    assert match.base is not None
    assert match.new is not None
    found = []
    for side, run, record in (
        ("BASE", match.versus.base, match.base),
        ("NEW", match.versus.new, match.new),
    ):
        profile = profile_of(run, record.case)
        if profile is None:
            return None, f"no trace of it in {side}"
        if profile.failed:
            return None, f"no trace of it in {side} that can be read: {profile.failed}"
        found.append(profile)
    return (found[0], found[1]), ""


def _how_much(shown: float, change_s: float) -> str:
    return (
        f"traces of one process a side show {_signed(shown)} a step, "
        f"{_signed(change_s)} were measured"
    )


def of_structure(shares: pd.DataFrame, base: Structure, new: Structure) -> pd.Series:
    """Say which operators belong to what a call does otherwise: they came, went, or are others."""
    named = {_plain(label) for label in _changed(base, new)}
    plain = shares["operator"].map(lambda name: str(name).rpartition("::")[2])
    recompiled = _compilation(base) != _compilation(new)
    return (
        (shares["more_calls"].abs() >= HALF_A_CALL)
        | (plain.isin(named) & (shares["class"] != OUTSIDE))
        | ((shares["class"] == COMPILED) & recompiled)
    )


def _changed(base: Structure, new: Structure) -> Iterator[str]:
    """Yield the labels of operators that do not run as often in the same dtypes and shapes."""
    for before, after in ((base.operators, new.operators), (base.heavy, new.heavy)):
        yield from (n for n in before.keys() | after.keys() if before.get(n) != after.get(n))


def _plain(label: str) -> str:
    """Return the operator's name, without its dtypes."""
    return label.partition(" ")[0].rpartition("::")[2].partition(".")[0]


def _compilation(found: Structure) -> tuple[object, ...]:
    return found.graphs, found.kernels, found.breaks, found.fallbacks, found.recompilations


def operators(shares: pd.DataFrame) -> Iterator[Cause]:
    """Yield a cause for each operator that weighs something, and one for all others together."""
    many = shares["share"].abs() >= LEAST
    for _, row in shares[many].iterrows():
        yield Cause("operator", in_words(row), float(row["share"]))
    rest = shares[~many & (shares["change_s"] != 0)]
    together = float(rest["share"].sum())
    if abs(together) >= TOLD:
        told = f"{counted(len(rest), 'other')}, each below {LEAST:.0%} of the change"
        yield Cause("operator", told, together)


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
    return f"{name} {_seconds(row['base_s'])} → {_seconds(row['new_s'])} a step{calls}"


def _seconds(value: float) -> str:
    return seconds(value) if value > 0 else "0"


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{_seconds(abs(value))}"
