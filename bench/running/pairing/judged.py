"""What a comparison judges, and which of its pairs look as if they had changed."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judging.noise import judged_here
from bench.judging.record import fold
from bench.machine import facts as machine
from bench.running.pairing.pairs import Pair
from bench.store import Run


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
    found = suspected(match(versus(base, new), fold(base), fold(new)))
    ids = {(m.base.case.id, m.new.case.id) for m in found if m.base and m.new}
    return [pair for pair in pairs if pair.a and pair.b and (pair.a.id, pair.b.id) in ids]
