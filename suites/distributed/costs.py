"""Columns of what a strategy's step costs beside others: factors, efficiencies, what is waited for.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bench.answers import LEVEL, Interval, Record
from suites.distributed.pairs import Pair, Timed, efficiency, exposed, hidden

Columns = dict[str, dict[str, float]]


class Estimated(Protocol):
    """An estimate that may have an interval."""

    @property
    def estimate(self) -> float: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def columns(records: Sequence[Record]) -> Columns:
    """Return, by case: the time over DDP's, efficiencies, and shares of communication."""
    found: Columns = {}
    timed = Timed(records)
    for record in timed.over_ranks():
        case, replicas = record.case, timed.beside_replicas(record)
        together = timed.beside_one_at_equal_total(record)
        estimated = {
            "strong_efficiency": efficiency(together, case.ranks),
            "weak_efficiency": efficiency(timed.beside_one_at_equal_share(record), 1),
            "over_ddp": replicas.factor() if replicas else None,
            "resharding_share": _resharding(timed.beside_kept(record)),
            "exposed_share": exposed(record),
            "hidden_share": hidden(record),
        }
        for name, one in estimated.items():
            _put(found, case.id, name, one)
    return found


def resharding_share(pair: Pair, level: float = LEVEL) -> Interval:
    """Return the share of a step that goes by when parameters are gathered again for backward."""
    found = Pair(pair.other, pair.record).factor(level)
    low, high = (None if end is None else 1 - end for end in (found.high, found.low))
    return Interval(1 - found.estimate, low, high, found.rounds, found.sessions)


def _resharding(pair: Pair | None) -> Interval | None:
    return resharding_share(pair) if pair else None


def _put(found: Columns, case: str, name: str, estimated: Estimated | None) -> None:
    if estimated is None:
        return
    ends = {"": estimated.estimate, "_low": estimated.low, "_high": estimated.high}
    for part, value in ends.items():
        if value is not None:
            share = name == "hidden_share"  # more is waited than messages take: nothing is hidden
            found.setdefault(f"{name}{part}", {})[case] = max(value, 0.0) if share else value
