"""What would settle what this run cannot tell: how many rounds or seeds, by the present spread."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, log1p, sqrt
from statistics import fmean, stdev

from bench.judging.ranking import Ranking
from bench.judging.rule import MARGIN
from bench.judging.statistics import LEVEL, Rounds, t_quantile

WORTH_WAITING = 200  # rounds or seeds: beyond, another size or a quieter machine is the answer
POWER = 0.8  # how often that many do settle it, if spread and estimate are as they seem


def needed(logs: Sequence[float], level: float = LEVEL, margin: float = MARGIN) -> int | None:
    """Estimate how many log ratios settle whether a ratio is 1, by an interval of this level.

    Settled as a difference, or as none beyond the margin, whichever is farther from being in
    doubt. None where fewer than two give no spread, or where more would be needed than is worth
    waiting for; always more than there are.
    """
    if len(logs) < 2:
        return None
    off = abs(fmean(logs))
    distance, sd = max(off, log1p(margin) - off), stdev(logs)
    for count in range(len(logs) + 1, WORTH_WAITING + 1):
        quantiles = t_quantile(0.5 + level / 2, count - 1) + t_quantile(POWER, count - 1)
        if quantiles * sd / sqrt(count) <= distance:
            return count
    return None


def log_ratios(numerator: Rounds, denominator: Rounds) -> list[float]:
    """Return the log of a ratio in every round that both have."""
    common = sorted(numerator.keys() & denominator.keys())
    return [log(numerator[key] / denominator[key]) for key in common]


def what_settles(
    logs: Sequence[float], unit: str = "round", level: float = LEVEL, margin: float = MARGIN
) -> str:
    """Say how many rounds (or seeds) would settle what these log ratios leave open."""
    if len(logs) < 2:
        return f"two {unit}s or more would tell"
    number = needed(logs, level, margin)
    if number is None:
        return f"over {WORTH_WAITING} {unit}s would be needed: too noisy, or too alike"
    return f"about {number} {unit}s would settle it"


def what_settles_tie(ranking: Ranking) -> str:
    """Say how many rounds would tell the fastest from the nearest of those that tie with it."""
    nearest = ranking.tied[0].record
    logs = log_ratios(nearest.rounds_of(), ranking.fastest.rounds_of())
    return what_settles(logs, level=ranking.level)
