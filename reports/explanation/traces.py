"""What traces of both runs weigh of a change of time, operator by operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from bench.checking.structure.structure import Structure
from bench.judging.comparing.matching import Match
from bench.profiling.aligned import changed_calls
from bench.profiling.calls import averaged
from bench.profiling.change import change_of_step
from bench.profiling.classes import COMMUNICATION, COMPILED, OUTSIDE
from bench.profiling.read import Profile, profile_of
from reports.explanation.around_calls import with_python_around
from reports.explanation.calls import which
from reports.explanation.operators import HALF_A_CALL, taken

TRUSTED = 2.0  # times the measured change: traces that show more are of something else


@dataclass(frozen=True)
class Weighed:
    """What traces tell of a change of time, in seconds a step.

    `shares` has a row an operator: `share` is of the measured change, and `otherwise` says that it
    belongs to what a call does otherwise. None where traces are missing, or show another change.
    `told` says what they show, or why there are none.
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
    to more than all of it. Traces of the other sign, or of far more, explain nothing; nor do those
    in which operators that are as they were moved by more against the change than it is.
    """
    both, why = _profiles(match)
    if both is None:
        return Weighed(None, why)
    table = change_of_step(*both)
    table = with_python_around(table.assign(otherwise=_otherwise(match, table)))
    shown = float(table["change_s"].sum())
    told = _how_much(shown, change_s)
    if shown * change_s <= 0 or abs(shown) > TRUSTED * abs(change_s):
        return Weighed(None, f"{told}, which is another change")
    whole = max(abs(shown), abs(change_s)) * (1 if change_s > 0 else -1)
    shares = table.assign(share=table["change_s"] / whole, which=_which(both, table))
    against = shares["share"].clip(upper=0.0)[~shares["otherwise"]].sum()
    if against < -1:
        return Weighed(None, f"{told}, amid operators that moved by more both ways")
    return Weighed(shares, told)


def _which(both: tuple[Profile, Profile], table: pd.DataFrame) -> list[str]:
    """Name the calls of every operator that its change is of, where these are few; else nothing."""
    base, new = (averaged([rank.calls for rank in profile.ranks]) for profile in both)
    found = changed_calls(base, new)
    places = zip(table["phase"], table["part"], table["operator"], strict=True)
    return [which(found.get(place, [])) for place in places]


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


def _otherwise(match: Match, table: pd.DataFrame) -> pd.Series:
    """Say which operators belong to what a call does otherwise: they came, went, or are others."""
    moved = table["more_calls"].abs() >= HALF_A_CALL
    assert match.both is not None
    base, new = (record.structure for record in match.both)
    if base is None or new is None:
        return moved
    named = {_plain(label) for label in _changed(base, new)}
    plain = table["operator"].map(lambda name: str(name).rpartition("::")[2])
    recompiled = _compilation(base) != _compilation(new)
    return (
        moved
        | (plain.isin(named) & (table["class"] != OUTSIDE))
        | ((table["class"] == COMPILED) & recompiled)
        | ((table["class"] == COMMUNICATION) & (base.collectives != new.collectives))
    )


def _changed(base: Structure, new: Structure) -> Iterator[str]:
    """Yield the labels of operators that do not run as often in the same dtypes; else in shapes.

    Shapes are told of the heaviest alone, of which another operator may have taken the place.
    """
    alike = base.operators == new.operators
    before, after = (base.heavy, new.heavy) if alike else (base.operators, new.operators)
    yield from (n for n in before.keys() | after.keys() if before.get(n) != after.get(n))


def _plain(label: str) -> str:
    """Return the operator's name, without its dtypes."""
    return label.partition(" ")[0].rpartition("::")[2].partition(".")[0]


def _compilation(found: Structure) -> tuple[object, ...]:
    return found.graphs, found.kernels, found.breaks, found.fallbacks, found.recompilations


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{taken(abs(value))}"
