"""Probes take turns, round after round; of every probe the shortest call of each round is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.timing.sampling import Clock, calls_per_sample

SLICE_S = 0.003  # of one probe in one round, or one call where that takes longer
LONGEST_S = 3.0  # of all rounds but the first two, on a machine that is busy with other work
LEAST_ROUNDS = 2


@dataclass(frozen=True)
class Probe:
    """A call that does an `amount` of something: bytes moved, FLOPs, or 1 where it only takes time.

    Probes of one `kind` are ways to reach the same ceiling.
    """

    kind: str
    name: str
    amount: float
    call: Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Best:
    """The highest rate of the rounds, its probe, and the spread of the rounds' best rates."""

    rate: float
    spread: float
    probe: Probe
    num_rounds: int


def best_of_rounds(
    probes: Sequence[Probe],
    clock_for: Callable[[], Clock],
    num_rounds: int,
    slice_s: float = SLICE_S,
    longest_s: float = LONGEST_S,
) -> dict[str, Best]:
    """Return the best rate of every kind, in amounts a second; fewer rounds where they drag on."""
    takers = [_Taker(probe, clock_for(), slice_s) for probe in probes]
    clock = clock_for()
    rounds: list[list[float]] = []
    deadline = clock.now() + longest_s
    while len(rounds) < num_rounds and (len(rounds) < LEAST_ROUNDS or clock.now() < deadline):
        rounds.append([taker.shortest_s() for taker in takers])
    return {kind: _best(kind, probes, rounds) for kind in dict.fromkeys(p.kind for p in probes)}


class _Taker:
    """Times one probe, a slice at a time."""

    def __init__(self, probe: Probe, clock: Clock, slice_s: float):
        self._probe, self._clock, self._slice_s = probe, clock, slice_s
        clock.first(probe.call, None)  # what libraries set up once is no part of a ceiling
        times, _ = clock.sample(probe.call, [None])
        self._batch = [None] * calls_per_sample(clock, times["time"], slice_s)

    def shortest_s(self) -> float:
        began, shortest = self._clock.now(), math.inf
        while shortest == math.inf or self._clock.now() - began < self._slice_s:
            times, _ = self._clock.sample(self._probe.call, self._batch)
            shortest = min(shortest, times["time"])
        return shortest


def _best(kind: str, probes: Sequence[Probe], rounds: list[list[float]]) -> Best:
    """Compare the probes of a kind within each round, then the rounds."""
    own = [i for i, probe in enumerate(probes) if probe.kind == kind]
    rates = [max((probes[i].amount / max(seconds[i], 1e-12), i) for i in own) for seconds in rounds]
    (highest, winner), (least, _) = max(rates), min(rates)
    return Best(highest, highest / least - 1, probes[winner], len(rounds))
