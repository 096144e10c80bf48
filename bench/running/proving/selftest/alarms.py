"""How often the verdict rule cries wolf here: pretend comparisons made of one pool of rounds.

Both sides of every round ran the same code, so whatever the labels, nothing has changed. A pretend
comparison draws rounds for both stages from the pool and the labels within each by lot.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bench.judging.noise import recordings
from bench.judging.noise_file import NoiseSession
from bench.judging.rule import (
    ALARM,
    CONFIRM_PAIRS,
    LOOK_PAIRS,
    Pairs,
    adjust,
    exchange_p,
    judge_pairs,
    still_suspects,
)
from bench.running.proving.selftest.findings import NUM_CASES
from bench.store.known_noise import Noise
from bench.store.spread import Round

FIRST_ROUNDS = 5
LEAST_ROUNDS = 20  # of a case, to deal out a comparison of more: some of them twice
NUM_COMPARISONS = 1000
LEVEL = 0.95


@dataclass(frozen=True)
class Alarms:
    """Pretend comparisons of `num_cases` unchanged cases, and those in which any case alarmed.

    `num_workloads` is how many different cases they were drawn from. `low` and `high` bound the
    rate at 95 % as if comparisons were independent, though all share one pool.
    """

    comparisons: int
    alarmed: int
    num_cases: int
    num_workloads: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        return self.alarmed / self.comparisons


def pools_of(sessions: Sequence[NoiseSession], noise: Noise) -> list[list[Round]]:
    """Return every case's rounds on its judged clock; only cases with enough of them."""
    kinds = sorted({case.kind for session in sessions for case in session.cases})
    pools = [
        [times for occasion in case for session in occasion for times in session]
        for kind in kinds
        for case in recordings(sessions, kind, noise.judged(kind))
    ]
    return [pool for pool in pools if len(pool) >= LEAST_ROUNDS]


def false_alarms(
    pools: Sequence[Sequence[Round]], seed: int, comparisons: int = NUM_COMPARISONS
) -> Alarms | None:
    """Count alarms in pretend comparisons of `NUM_CASES` cases; None where no pool is large enough.

    A workload is drawn several times over to fill the set, each time with rounds and labels of
    its own.
    """
    if not pools:
        return None
    lot = random.Random(seed)
    alarmed = sum(_alarms(pools, lot) for _ in range(comparisons))
    low, high = binomial_interval(alarmed, comparisons)
    return Alarms(comparisons, alarmed, NUM_CASES, len(pools), low, high)


def _alarms(pools: Sequence[Sequence[Round]], lot: random.Random) -> bool:
    cases = [_pretend(pools[i % len(pools)], lot) for i in range(NUM_CASES)]
    p_values = [exchange_p(cases[i].confirm_logs) for i in still_suspects(cases)]
    if min(adjust(p_values), default=1.0) >= ALARM:
        return False  # as would be judged; spares most of the intervals, which take longest
    return any(change.verdict in ("faster", "slower") for change in judge_pairs(cases))


def _pretend(pool: Sequence[Round], lot: random.Random) -> Pairs:
    drawn = lot.sample([*pool, *pool], FIRST_ROUNDS + LOOK_PAIRS + CONFIRM_PAIRS)
    labelled = [(a, b) if lot.random() < 0.5 else (b, a) for a, b in drawn]
    begun = FIRST_ROUNDS + LOOK_PAIRS
    return Pairs(labelled[:FIRST_ROUNDS], labelled[begun:], look=labelled[FIRST_ROUNDS:begun])


def binomial_interval(count: int, total: int) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a rate."""
    from scipy.stats import binomtest

    found = binomtest(count, total).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)
