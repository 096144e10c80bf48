"""What a comparison judges, and which of its pairs look as if they had changed."""

from __future__ import annotations

from collections.abc import Sequence

from bench.case import Case
from bench.kind import KINDS, kind_of
from bench.pairing.pairs import Pair
from bench.record import Record, fold_case
from bench.store import Run

# No fresh pair takes these flags away, and they bar any verdict on times.
LASTING = {"oversubscribed"}


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
        records = [_record(run, case) for run, case in zip(runs, (pair.a, pair.b), strict=True)]
        a, b = (record.rounds_of(judged[kind_of(record.case)]) for record in records)
        common = sorted(a.keys() & b.keys())
        if common and not any(LASTING & set(record.flags) for record in records):
            timed.append((pair, rule.Pairs([(a[key], b[key]) for key in common])))
    return [timed[i][0] for i in rule.suspects([pairs for _, pairs in timed])]


def _record(run: Run, case: Case | None) -> Record:
    assert case
    return fold_case(case, [attempt for attempt in run.attempts if attempt.case == case.id])
