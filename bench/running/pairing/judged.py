"""What a comparison judges, and which of its pairs look as if they had changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.cases.case import Case
from bench.cases.kind import kind_of
from bench.judging.noise import judged_here, known
from bench.judging.record import fold
from bench.machine import facts as machine
from bench.running.pairing.pairs import Pair
from bench.store import Run

if TYPE_CHECKING:
    from bench.judging.comparing.matching import Match


def judged_quantities(device: str) -> dict[str, str]:
    """Return the quantity that is judged, by kind of case, as selftests here have settled it.

    Fixed before anything is measured; UserError where what they left is damaged.
    """
    return judged_here(machine.facts()["machine_id"], device)


def find_suspects(runs: tuple[Run, Run], pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs to be confirmed: the comparison that will judge them says which."""
    from bench.judging.comparing.matching import match
    from bench.judging.comparing.rounds import suspected
    from bench.judging.comparing.versus import versus

    base, new = runs
    return _of(suspected(match(versus(base, new), fold(base), fold(new))), pairs)


def find_unexcluded(
    runs: tuple[Run, Run],
    pairs: Sequence[Pair],
    margin: float,
    at_most: float,
    limits: Mapping[str, float],
) -> list[Pair]:
    """Return the pairs that may still be slower by more than allowed, by what will judge them."""
    from bench.judging.comparing.matching import match
    from bench.judging.comparing.rounds import unexcluded
    from bench.judging.comparing.versus import versus

    base, new = runs
    found = match(versus(base, new), fold(base), fold(new))
    return _of(unexcluded(found, margin, at_most, limits), pairs)


def limits_here(
    asked: float | str | None, device: str, cases: Sequence[Case], first_rounds: int
) -> dict[str, float]:
    """Return the slowdown to exclude by kind, as this machine's selftests allow it, for `auto`."""
    from bench.judging.limit import reachable

    if asked != "auto":
        return {}
    noise = known(machine.facts()["machine_id"], device)
    return reachable(noise, [kind_of(case) for case in cases if case.timed], first_rounds)


def _of(found: Sequence[Match], pairs: Sequence[Pair]) -> list[Pair]:
    ids = {(m.base.case.id, m.new.case.id) for m in found if m.base and m.new}
    return [pair for pair in pairs if pair.a and pair.b and (pair.a.id, pair.b.id) in ids]
