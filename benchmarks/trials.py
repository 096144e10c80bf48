"""Play rules on a source many times over and count: false alarms, changes found, what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks import ours
from benchmarks.peers import SAME_SAMPLES, Rule
from benchmarks.samples import CHANGES, Source, apart, interleaved

RUN_ALARMS = "run_alarms"  # runs of unchanged cases with at least one alarm
CASE_ALARMS = "case_alarms"  # unchanged cases that raised one
FOUND = "found"  # runs in which the one changed case was said to be slower


@dataclass(frozen=True)
class Count:
    """How often something happened, with the exact (Clopper and Pearson's) 95 % interval."""

    rule: str
    samples: str
    quantity: str
    change: float
    hits: int
    trials: int

    @property
    def rate(self) -> float:
        return self.hits / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        from scipy.stats import binomtest

        found = binomtest(self.hits, self.trials).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)

    def row(self) -> dict[str, object]:
        low, high = self.interval
        told = {name: getattr(self, name) for name in ("rule", "samples", "quantity", "change")}
        counted = {"hits": self.hits, "trials": self.trials}
        return told | counted | {"rate": self.rate, "low": low, "high": high}


class Tally:
    """Counts one rule's alarms and findings over many runs of one source."""

    def __init__(self, rule: str, samples: str):
        self.rule, self.samples = rule, samples
        self.runs = self.cases = self.runs_with_alarm = self.alarms = 0
        self.found = [0] * len(CHANGES)

    def add(self, alarms: int, num_cases: int, found: list[bool]) -> None:
        self.runs += 1
        self.cases += num_cases
        self.runs_with_alarm += alarms > 0
        self.alarms += alarms
        self.found = [before + now for before, now in zip(self.found, found, strict=True)]

    def counts(self) -> Iterator[Count]:
        yield self._count(RUN_ALARMS, 0.0, self.runs_with_alarm, self.runs)
        yield self._count(CASE_ALARMS, 0.0, self.alarms, self.cases)
        for change, hits in zip(CHANGES, self.found, strict=True):
            yield self._count(FOUND, change, hits, self.runs)

    def _count(self, quantity: str, change: float, hits: int, trials: int) -> Count:
        return Count(self.rule, self.samples, quantity, change, hits, trials)


def play_ours(source: Source, rng: np.random.Generator, runs: int) -> tuple[Tally, float]:
    """Play our two stages; return the tally, and the mean cost over the first stage's."""
    tally, cost = Tally(ours.NAME, SAME_SAMPLES), 0.0
    for _ in range(runs):
        comparison = ours.play(source, rng)
        tally.add(comparison.alarms, comparison.num_cases, comparison.found_changes())
        cost += comparison.cost / runs
    return tally, cost


def play_peer(rule: Rule, source: Source, rng: np.random.Generator, runs: int) -> Tally:
    """Play a peer's rule on as many draws of its own."""
    tally = Tally(rule.name, rule.samples)
    for _ in range(runs):
        draw = source.draw(rng, rule.slots, rule.values)
        fair = rule.samples == SAME_SAMPLES
        base, new = interleaved(draw, rng) if fair else apart(draw)
        directions = rule.judge(base, new)
        num_cases = len(draw.unchanged_CSV)
        alarms = int(np.count_nonzero(directions[:num_cases]))
        tally.add(alarms, num_cases, [d == 1 for d in directions[num_cases:].tolist()])
    return tally
