"""When a budget of evaluations is enough: distances paired by seed, told from intervals alone.

Torch-free. Seeds pair, since every sampler gets the same noise and the same real images of a seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

from bench.answers import Mean, Record, estimate_mean, exp_bounded, name_of

# Thresholds and their reasons; no run moves them.
SAME = 1.1  # a distance within 10 % of another is the same for what a distance can tell
TOO_WIDE = 2.0  # an interval that reaches beyond twice the other cannot tell that it is near
LEVEL = 0.95
DISTANCES = {  # a task is judged by the first of them that it has
    "fid": "FID",
    "fid_pytorch": "FID (pytorch-fid's)",
    "fid_clean": "FID (clean-fid's)",
    "fd_coordinates": "FD(coordinates)",
    "fd_digits_cnn": "FD(digits-cnn)",
}
COSTS = ("nfe", "batch")  # values that make no other task

BySeed = Mapping[int, Sequence[float]]


@dataclass(frozen=True)
class Contest:
    """All records that one distance was measured of, on one task: they differ in cost alone."""

    distance: str
    records: list[Record]

    @property
    def best(self) -> Record:
        """Return the nearest by estimate; only what is shown to be near it counts as enough."""
        return min(self.records, key=self.value)

    def value(self, record: Record) -> float:
        return mean(record, self.distance).estimate

    def name(self, record: Record) -> str:
        return name_of(record.case, [other.case for other in self.records])

    def over(self, record: Record, other: Record) -> Mean | None:
        """Return how many times as far a record is as another; None where no seed tells."""
        return ratio_of(log_ratios(self._of(record), self._of(other)))

    def over_floor(self, record: Record) -> Mean | None:
        """Return how many times as far it is as real images are from each other."""
        floor = record.trajectories.get("fd_floor", {})
        return ratio_of(log_ratios(self._of(record), floor))

    def logs(self, record: Record, other: Record) -> list[float]:
        return log_ratios(self._of(record), self._of(other))

    def enough(self, record: Record) -> bool:
        """Say whether a record is as near as the best, or as real images are."""
        return near(self.over(record, self.best)) or near(self.over_floor(record))

    def _of(self, record: Record) -> BySeed:
        return record.trajectories[self.distance]


def contests(records: Sequence[Record]) -> list[Contest]:
    """Group what was measured by task and distance, the one with most records first."""
    grouped: dict[object, list[Record]] = {}
    for record in records:
        distance = next((name for name in DISTANCES if record.quality_of(name)), None)
        if record.outcome == "ok" and distance is not None:
            grouped.setdefault((distance, *_task(record)), []).append(record)
    found = [Contest(_distance(own[0]), own) for own in grouped.values()]
    return sorted(found, key=lambda contest: -len(contest.records))


def _task(record: Record) -> tuple[object, ...]:
    case = record.case
    values = ((name, value) for name, value in sorted(case.values.items()) if name not in COSTS)
    return (*values, case.dtype, case.device)


def _distance(record: Record) -> str:
    return next(name for name in DISTANCES if record.quality_of(name))


def near(found: Mean | None) -> bool:
    """Say whether a ratio is shown to be at most about 1: it holds 1 and not much, or nothing else.

    An interval that holds nearly everything shows nothing.
    """
    if found is None or found.low is None or found.high is None:
        return False
    return found.high <= SAME or (found.low <= 1 and found.high <= TOO_WIDE)


def farther(found: Mean | None) -> bool:
    """Say whether a ratio is shown to be above 1, by more than makes no difference."""
    return found is not None and found.low is not None and found.low > 1 and not near(found)


def budget(record: Record) -> int:
    """Return the budget of evaluations that was asked."""
    asked = record.case.values.get("nfe")
    if not isinstance(asked, int):
        raise ValueError(f"{record.case.id}: expected a whole nfe, got {asked!r}")
    return asked


def evaluations(record: Record) -> float:
    """Return the evaluations that were spent, at most the budget."""
    return record.values.get("nfe", float(budget(record)))


def mean(record: Record, quantity: str) -> Mean:
    found = record.quality_of(quantity)
    if found is None:
        raise ValueError(f"{record.case.id}: expected {quantity}, which was not measured")
    return found


def log_ratios(ours: BySeed, theirs: BySeed) -> list[float]:
    """Return a log ratio for every seed that both have; none where a value has no logarithm."""
    pairs = [(ours[seed][0], theirs[seed][0]) for seed in sorted(ours.keys() & theirs.keys())]
    return [log(a / b) for a, b in pairs] if all(min(pair) > 0 for pair in pairs) else []


def ratio_of(logs: Sequence[float]) -> Mean | None:
    """Estimate a ratio from its logarithms, one a seed."""
    if not logs:
        return None
    found = estimate_mean(logs, LEVEL)
    if found.low is None or found.high is None:
        return Mean(exp_bounded(found.estimate), None, None, found.count)
    estimate, low, high = map(exp_bounded, (found.estimate, found.low, found.high))
    return Mean(estimate, low, high, found.count)


def by_sampler(contest: Contest) -> dict[str, list[Record]]:
    """Return the records of every sampler that was asked at several budgets, the least first."""
    found: dict[str, list[Record]] = {}
    for record in sorted(contest.records, key=budget):
        found.setdefault(contest.name(record), []).append(record)
    return {name: own for name, own in found.items() if len(own) > 1}


def least_settled(contest: Contest, own: Sequence[Record]) -> Record:
    """Return the record of the least budget from which on a sampler is within noise of its limit.

    Its limit is its largest budget, or the floor. Where only the largest is, it may still fall.
    """
    *others, least = sorted(own, key=budget)
    last = least
    for record in reversed(others):
        if not (near(contest.over(record, last)) or near(contest.over_floor(record))):
            break
        least = record
    return least
