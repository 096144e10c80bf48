"""What a comparison judges, and which of its pairs look as if they had changed."""

from __future__ import annotations

from collections.abc import Sequence

from bench.case import Case
from bench.kind import KINDS, kind_of
from bench.pairing.pairs import Pair
from bench.record import fold_case
from bench.statistics import Rounds
from bench.store import Run


def judged_quantities() -> dict[str, str]:
    """Return the quantity that is judged, by kind of case; fixed before anything is measured."""
    return dict.fromkeys(KINDS, "time")


def find_suspects(
    runs: tuple[Run, Run], judged: dict[str, str], pairs: Sequence[Pair]
) -> list[Pair]:
    """Return the pairs whose first stage must be confirmed."""
    from bench import rule

    timed: list[tuple[Pair, rule.Pairs]] = []
    for pair in pairs:
        a, b = _rounds(runs[0], pair.a, judged), _rounds(runs[1], pair.b, judged)
        if common := sorted(a.keys() & b.keys()):
            timed.append((pair, rule.Pairs([(a[key], b[key]) for key in common])))
    return [timed[i][0] for i in rule.suspects([pairs for _, pairs in timed])]


def _rounds(run: Run, case: Case | None, judged: dict[str, str]) -> Rounds:
    assert case
    own = [attempt for attempt in run.attempts if attempt.case == case.id]
    return fold_case(case, own).rounds_of(judged[kind_of(case)])
