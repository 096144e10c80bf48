"""The one definition of a sampled figure, and phases as parts of the time; see docs/figures.md.

Samples of a process become their median, processes of a round their average, rounds theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, log
from statistics import fmean, median

# Units whose values compare by factors: their average is geometric. Shares and degrees Celsius,
# which may be 0 or less, have an arithmetic one.
BY_FACTORS = ("s", "J", "W", "MHz")
OUTSIDE = "outside_phases"  # the part of a call's time that no phase holds

Samples = Mapping[tuple[int, int], list[list[float]]]  # (session, round) -> process x sample


def figure(samples: Samples, unit: str) -> float:
    """Return the average over rounds of at least one round."""
    return average((_round(processes, unit) for processes in samples.values()), unit)


def average(values: Iterable[float], unit: str) -> float:
    """Average geometrically what compares by factors, unless a value has no logarithm."""
    found = list(values)
    if unit in BY_FACTORS and min(found) > 0:
        return exp(fmean(map(log, found)))
    return fmean(found)


def shares_of_phases(time: Samples, phases: Mapping[str, Samples]) -> dict[str, float]:
    """Return the mean share of every phase, and of what lies `OUTSIDE`, of a call; their sum is 1.

    Medians and geometric means of parts do not add up to those of the whole, and the slowest rank
    of one phase need not be that of another. So phases are told as shares of their own sum, in
    every process, and shares are averaged: that keeps the sum.
    """
    names = [*phases, OUTSIDE]
    by_round = [
        [_shares(whole, [p[key][i] for p in phases.values()]) for i, whole in enumerate(own)]
        for key, own in time.items()
        if all(len(p.get(key, [])) == len(own) for p in phases.values())
    ]
    rounds = [[fmean(shares) for shares in zip(*processes, strict=True)] for processes in by_round]
    return dict(zip(names, map(fmean, zip(*rounds, strict=True)), strict=True)) if rounds else {}


def _shares(whole: list[float], parts: list[list[float]]) -> list[float]:
    """Return the shares of parts, and of what they leave of the whole, in one process."""
    calls = zip(whole, *parts, strict=True)
    left = [time - sum(phases) for time, *phases in calls]
    medians = [*map(median, parts), max(median(left), 0.0)]
    total = sum(medians) or 1.0  # all 0: phases that overlap, or that no clock could see
    return [part / total for part in medians]


def _round(processes: list[list[float]], unit: str) -> float:
    return average(map(median, processes), unit)
