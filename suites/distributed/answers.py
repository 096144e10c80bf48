"""What a strategy saves in model states, and what that costs in time. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import (
    LEVEL,
    Answer,
    Interval,
    Record,
    counted,
    listed,
    log_ratios,
    name_of,
    ratio,
    size,
    span,
    what_settles,
)
from suites.distributed import contrastive_answers, costs, links
from suites.distributed.pairs import KEPT, REPLICAS, Pair

QUESTION = "What does a strategy save a rank, and what does it cost?"
SAVES = 0.98  # of its bytes: less is a saving
TOO_WIDE = 4.0  # between the ends of an interval, as from half to twice a time: it tells no cost
MOST = 3


class Beside:
    """Strategies of one question beside DDP, with intervals that hold together."""

    def __init__(self, base: Record, savers: Sequence[Record]):
        self.base, self.savers = base, savers
        pairs = len(savers) * (len(savers) + 1) / 2
        self.level = 1 - (1 - LEVEL) / max(pairs, 1)

    def name(self, record: Record) -> str:
        return name_of(record.case, [self.base.case, *(other.case for other in self.savers)])

    @property
    def num_timed(self) -> int:
        """Count the savers whose time can be set beside DDP's."""
        return sum(record.ranked for record in self.savers) if self.base.ranked else 0

    def share(self, record: Record) -> float:
        """Return the bytes of model states over DDP's; both are counted, without an interval."""
        return _held(record) / _held(self.base)

    def over(self, record: Record, other: Record) -> Interval | None:
        if not (record.ranked and other.ranked):
            return None
        return ratio(record.rounds_of(), other.rounds_of(), self.level)

    def alike(self) -> list[list[Record]]:
        """Group strategies by what they save, in per cent, those that save most first."""
        groups: dict[float, list[Record]] = {}
        for record in sorted(self.savers, key=self.share):
            groups.setdefault(round(self.share(record), 2), []).append(record)
        return list(groups.values())

    def unbeaten(self, group: list[Record]) -> list[Record]:
        """Leave out what another one of the group is faster than beyond doubt, and the untimed."""
        timed = [record for record in group if record.ranked]
        return [r for r in timed if not any(self._slower(r, o) for o in timed)] or group

    def _slower(self, record: Record, other: Record) -> bool:
        found = self.over(record, other)
        return found is not None and found.low is not None and found.low > 1


def columns(records: Sequence[Record]) -> links.Columns:
    """Return what links and steps come to beside others, by case."""
    return {**links.columns(records), **costs.columns(records)}


def answers(records: Sequence[Record]) -> list[Answer]:
    """Say what strategies save and cost, what collectives do, and contrastive losses."""
    others = [*links.answers(records), *contrastive_answers.answers(records)]
    return [*_strategies(records, MOST - len(others)), *others]


def _strategies(records: Sequence[Record], most: int) -> list[Answer]:
    """Say it of the question with most times, then most strategies: of each saving, the fastest."""
    found = [beside for beside in _questions(records) if beside.savers]
    if not found:
        return []
    beside = max(found, key=lambda one: (one.num_timed, len(one.savers), one.base.case.ranks))
    best = [beside.unbeaten(group) for group in beside.alike()]
    told = [_cost(beside, group) for group in best]
    if any(told):
        first, *more = (_answer(beside, *pair) for pair in zip(best[:most], told, strict=False))
        return [_with_sharded(beside, first, more), *more]
    return [_bytes_alone(beside, best)]


def _questions(records: Sequence[Record]) -> list[Beside]:
    """Set what holds fewer bytes than DDP beside it, question by question."""
    grouped: dict[str, list[Record]] = {}
    for record in records:
        if record.outcome == "ok" and "model_states" in record.values and record.case.ranks > 1:
            grouped.setdefault(record.case.question, []).append(record)
    return [
        Beside(base, [record for record in group if _held(record) < SAVES * _held(base)])
        for group in grouped.values()
        for base in [record for record in group if record.case.variant == REPLICAS][:1]
    ]


def _held(record: Record) -> float:
    """Return the bytes of the rank that holds most."""
    by_rank = record.figures_of_ranks("model_states")
    return max(by_rank, default=record.values["model_states"])


def _answer(beside: Beside, best: list[Record], cost: str) -> Answer:
    """Say what the fastest of those that save as much save, and the time they take for it."""
    told = f"{_saved(beside, best)} of {REPLICAS}'s model states a rank{_in_bytes(beside, best)}"
    cost = cost or f"; what that costs in time is not told ({_settles(beside, best)})"
    return Answer(f"{_ranks(beside)}: {told}{cost}.", [*best, beside.base])


def _with_sharded(beside: Beside, first: Answer, more: list[Answer]) -> Answer:
    """Add what the others cost that shard everything, and what of it is gathering again."""
    named = {record.case.id for answer in (first, *more) for record in answer.records}
    sharded = [r for r in beside.savers if r.values.get("zero_stage") == 3]
    others = [r for r in sharded if r.case.id not in named and _dearer(beside, r)]
    dearer = [f"{beside.name(r)} {beside.share(r):.2f} for {_dearer(beside, r)}" for r in others]
    again = [share for record in sharded if (share := _resharding(beside, record))]
    sentence = "; ".join([first.sentence.removesuffix("."), *dearer, *again])
    return Answer(f"{sentence}.", [*first.records, *others])


def _dearer(beside: Beside, record: Record) -> str:
    """Write the time as a factor of DDP's where it is longer beyond noise."""
    found = beside.over(record, beside.base)
    if found is None or found.low is None or found.low <= 1:
        return ""
    return _cost(beside, [record]).removeprefix(" for ")


def _resharding(beside: Beside, record: Record) -> str:
    """Name the share of a step that gathering again for backward takes, where it takes any."""
    kept = KEPT.get(record.case.variant)
    other = next((r for r in beside.savers if r.case.variant == kept and r.ranked), None)
    if other is None or beside.over(record, other) is None:
        return ""
    found = costs.resharding_share(Pair(record, other), beside.level)
    if found.low is None or found.high is None or found.low <= 0:
        return ""
    ends = dict.fromkeys(f"{end:.0%}" for end in (found.low, found.high))
    return f"gathering again for backward is {' to '.join(ends)} of {beside.name(record)}'s step"


def _bytes_alone(beside: Beside, best: list[list[Record]]) -> Answer:
    """Say what all save, where no time can be told beside it."""
    first, *others = best
    told = f"{_saved(beside, first)} of {REPLICAS}'s model states a rank{_in_bytes(beside, first)}"
    more = [_saved(beside, group) for group in others]
    records = [record for group in best for record in group]
    return Answer(
        f"{_ranks(beside)}: {', '.join([told, *more])}; what any of that costs in time is not told "
        f"({_settles(beside, first)}).",
        [*records, beside.base],
    )


def _saved(beside: Beside, group: list[Record]) -> str:
    verb = "holds" if len(group) == 1 else "hold"
    return f"{_names(beside, group)} {verb} {beside.share(group[0]):.2f}"


def _names(beside: Beside, group: list[Record]) -> str:
    return listed([beside.name(record) for record in group])


def _in_bytes(beside: Beside, group: list[Record]) -> str:
    return f" ({size(_held(group[0]))} instead of {size(_held(beside.base))})"


def _ranks(beside: Beside) -> str:
    return counted(beside.base.case.ranks, "rank")


def _cost(beside: Beside, best: list[Record]) -> str:
    """Write the time as a factor of that of DDP; empty where that is not told."""
    found = [beside.over(record, beside.base) for record in best]
    bounds = [(o.low, o.high) for o in found if o is not None and o.low and o.high]
    if len(bounds) < len(best) or any(high / low > TOO_WIDE for low, high in bounds):
        return ""
    times = span(min(low for low, _ in bounds), max(high for _, high in bounds))
    tie = ", and tie" if len(best) > 1 else ""
    return f" for {times} its time{tie}"


def _settles(beside: Beside, best: list[Record]) -> str:
    """Say what would settle a cost: more rounds, or times that no flag bars."""
    flags = {flag for record in (beside.base, *best) for flag in record.flags}
    if flags:
        return f"times are {', '.join(sorted(flags))}"
    logs = log_ratios(best[0].rounds_of(), beside.base.rounds_of())
    return f"{beside.name(best[0])}: {what_settles(logs, level=beside.level)}"
