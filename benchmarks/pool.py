"""A pool of recorded rounds, from which pretended comparisons are dealt out.

A run over yardsticks whose option `times` is how often the work is really done (100 asked for;
103 is 3 % more work) holds, for every workload and level, one process a round. Rounds of one level
dealt out to both sides are a comparison of equal code; rounds of 100 against 103 one with a known
slowdown. All draws come from the same rounds, so that they are not independent of one another:
an interval that counts them as if they were is too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np

from bench.errors import UserError
from bench.judging.record import Record, fold
from bench.judging.reducing import told
from bench.store import read
from benchmarks.samples import CHANGES, Draw, Times

ASKED = 100
LEVELS = (ASKED, *(round(ASKED * (1 + change)) for change in CHANGES))
LEAST_ROUNDS = 64  # all our stages: 5, 5 and 22 pairs
LEAST_VALUES = 9

Rounds = dict[tuple[int, int], list[float]]  # (session, round) -> samples of one process


@dataclass(frozen=True)
class Pool:
    """Samples of all workloads (W) and levels (L) in the rounds they share, in order of time.

    A draw takes neighbouring rounds, as a comparison of that length would have; every workload and
    level is an unchanged case, a workload drawn by lot (or the one named by `changed`) the changed
    one.
    """

    workloads: list[str]
    times_WLRV: Times
    left_out: list[str] = field(default_factory=list)
    changed: int | None = None

    @property
    def num_cases(self) -> int:
        return self.times_WLRV.shape[0] * self.times_WLRV.shape[1]

    @property
    def num_rounds(self) -> int:
        return self.times_WLRV.shape[2]

    def spread(self, workload: int) -> float:
        """Return how its unchanged rounds spread: standard deviation of their logarithms."""
        return float(np.log(np.median(self.times_WLRV[workload, 0], axis=-1)).std(ddof=1))

    def draw(self, rng: np.random.Generator, slots: int, values: int) -> Draw:
        (draw,) = self.stages(rng, [slots], values)
        return draw

    def stages(self, rng: np.random.Generator, slots: Sequence[int], values: int) -> Iterator[Draw]:
        """Yield draws of consecutive rounds; ValueError where there are too few."""
        drawn = int(rng.integers(len(self.workloads)))
        workload = drawn if self.changed is None else self.changed
        first = self._offset(rng, self.num_rounds, sum(slots))
        values = min(values, self.times_WLRV.shape[3])
        value = self._offset(rng, self.times_WLRV.shape[3], values)
        levels = np.roll(self.times_WLRV, -workload, axis=0)[..., value : value + values]
        for number in slots:
            part = levels[:, :, first : first + number]
            yield Draw(part.reshape(-1, *part.shape[2:]), part[0, 1:])
            first += number

    @staticmethod
    def _offset(rng: np.random.Generator, have: int, want: int) -> int:
        if want > have:
            raise ValueError(f"expected at least {want} in the pool, got {have}")
        return int(rng.integers(have - want + 1))


def read_pool(folder: Path, quantity: str = "time") -> Pool:
    """Read a run over yardsticks; UserError where it holds too little to deal out."""
    by_workload: dict[str, dict[int, Rounds]] = {}
    for record in fold(read(folder)):
        if record.outcome == "ok" and told(quantity)[0] in record.samples:
            level = int(record.case.options.get("times") or ASKED)
            by_workload.setdefault(_workload(record), {})[level] = _rounds(record, quantity)
    whole = {name: levels for name, levels in by_workload.items() if set(LEVELS) <= set(levels)}
    if not whole:
        raise UserError(f"{folder}: expected a workload ok at times={','.join(map(str, LEVELS))}")
    return _pool(folder, whole)


def _pool(folder: Path, whole: dict[str, dict[int, Rounds]]) -> Pool:
    """Keep the rounds that all have, and of each process as many samples as all have.

    Workloads so long that a process holds too few samples for the peers' rules are left out.
    """
    num_values = {name: _least_values(levels) for name, levels in whole.items()}
    names = [name for name in whole if num_values[name] >= LEAST_VALUES]
    kept = [whole[name][level] for name in names for level in LEVELS]
    keys = sorted(set.intersection(*map(set, kept))) if kept else []
    if len(keys) < LEAST_ROUNDS:
        raise UserError(
            f"{folder}: expected {LEAST_ROUNDS} rounds of {LEAST_VALUES} samples in every process, "
            f"got {len(keys)} of {max(num_values.values())}"
        )
    values = min(num_values[name] for name in names)
    times = np.array([[rounds[key][:values] for key in keys] for rounds in kept])
    left_out = [
        f"{name} is left out: {num_values[name]} samples in a process, expected {LEAST_VALUES}"
        for name in whole
        if name not in names
    ]
    return Pool(names, times.reshape(len(names), len(LEVELS), len(keys), values), left_out)


def _least_values(levels: dict[int, Rounds]) -> int:
    return min(len(samples) for level in LEVELS for samples in levels[level].values())


def _workload(record: Record) -> str:
    options = {name: value for name, value in record.case.options.items() if name != "times"}
    return replace(record.case, options=options).id


def _rounds(record: Record, judged: str) -> Rounds:
    """Return the samples of a round's first process, scaled to have the median that is judged.

    A round that timed several processes comes to their mean, or to another figure than the median.
    """
    quantity, _ = told(judged)
    values = record.rounds_of(judged)
    return {
        key: [value * values[key] / median(first) for value in first]
        for key, (first, *_) in record.samples[quantity].items()
    }
