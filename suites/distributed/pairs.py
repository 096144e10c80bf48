"""Which cases are set beside a strategy's, to say what it costs, and their times as factors.

Torch-free. Rounds interleave all cases, so that a factor is made of the rounds that both have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench import Plain
from bench.answers import LEVEL, Interval, Mean, Record, estimate_mean, ratio
from suites.distributed.claimed import chosen, training

ALONE = "single"  # one process, which the work is not shared with
REPLICAS = "ddp"  # what others are held to: it keeps everything on every rank
# By strategies that gather parameters again for backward, what keeps them from forward on.
KEPT = {"fsdp2": "fsdp2_no_reshard"}
HIDING = (-float("inf"), 1.0)  # no more than all is hidden; waits may be longer than messages take


@dataclass(frozen=True)
class Pair:
    """Two timed records, and the time of the first over that of the second."""

    record: Record
    other: Record

    def factor(self, level: float = LEVEL) -> Interval:
        found = ratio(self.record.rounds_of(), self.other.rounds_of(), level)
        assert found is not None
        return found


class Timed:
    """The trainings of a run whose times may be compared."""

    def __init__(self, records: Sequence[Record]):
        self.records = [record for record in training(records, ranks_from=1) if record.ranked]
        self._plain = {
            _key(record, record.case.values): record
            for record in self.records
            if not chosen(record.case.options)
        }

    def over_ranks(self) -> Iterator[Record]:
        return (record for record in self.records if record.case.ranks > 1)

    def beside_replicas(self, record: Record) -> Pair | None:
        """Set it beside DDP at the same question."""
        return self._pair(record, REPLICAS, record.case.ranks, record.case.values)

    def beside_kept(self, record: Record) -> Pair | None:
        """Set what gathers again beside what keeps, all else the same."""
        kept = KEPT.get(record.case.variant)
        if kept is None or chosen(record.case.options):
            return None
        return self._pair(record, kept, record.case.ranks, record.case.values)

    def beside_one_at_equal_total(self, record: Record) -> Pair | None:
        """Set it beside one process with the same global batch."""
        return self._pair(record, ALONE, 1, record.case.values)

    def beside_one_at_equal_share(self, record: Record) -> Pair | None:
        """Set it beside one process with the batch of one of its ranks."""
        batch = record.case.values.get("batch")
        if not isinstance(batch, int) or batch % record.case.ranks:
            return None
        values = {**record.case.values, "batch": batch // record.case.ranks}
        return self._pair(record, ALONE, 1, values)

    def _pair(
        self, record: Record, variant: str, ranks: int, values: Mapping[str, Plain]
    ) -> Pair | None:
        other = self._plain.get(_key(record, values, variant, ranks))
        if other is None or other is record:
            return None
        shared = record.rounds_of().keys() & other.rounds_of().keys()
        return Pair(record, other) if shared else None


def efficiency(pair: Pair | None, work: float) -> Interval | None:
    """Return the share of perfect scaling: one process's time over `work` times that of the ranks.

    `work` is 1 where each rank has as much as the process, N where all have together.
    """
    if pair is None:
        return None
    found = Pair(pair.other, pair.record).factor()
    low, high = (None if end is None else end / work for end in (found.low, found.high))
    return Interval(found.estimate / work, low, high, found.rounds, found.sessions)


def hidden(record: Record) -> Mean | None:
    """Return the share of communication that computing hides, by rounds; None where unmeasured.

    1 - what a step waits over what its collectives take alone; below 0 where ranks wait longer.
    """
    exposed, bare = (_by_round(record, name) for name in ("exposed_share", "bare_over_step"))
    shares = [1 - exposed[key] / bare[key] for key in exposed.keys() & bare.keys() if bare[key]]
    return estimate_mean(shares, within=HIDING) if shares else None


def exposed(record: Record) -> Mean | None:
    """Return the share of a step in which ranks wait, by rounds."""
    shares = [*_by_round(record, "exposed_share").values()]
    return estimate_mean(shares, within=(0.0, 1.0)) if shares else None


def _by_round(record: Record, quantity: str) -> dict[tuple[int, int], float]:
    rounds = record.samples.get(quantity, {})
    return {
        key: sum(own[0] for own in processes) / len(processes) for key, processes in rounds.items()
    }


def _key(
    record: Record, values: Mapping[str, Plain], variant: str = "", ranks: int = 0
) -> tuple[object, ...]:
    """Return what two cases share whose times are compared, but for what is given."""
    case = record.case
    setting = (case.dtype, case.device, case.threads, case.allocator, case.cache)
    named = (variant or case.variant, ranks or case.ranks, case.problem)
    return (*named, tuple(sorted(values.items())), *setting)
