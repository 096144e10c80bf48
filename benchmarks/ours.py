"""Our rule on drawn samples: `bench.judging.rule`'s own tests and corrections, both stages.

`bench.judging.rule.judge_pairs` gives the same verdicts, and an interval for every case besides,
which takes most of its time: here one is worked out only where a verdict hangs on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.judging import rule
from benchmarks.samples import Source, Times, interleaved

FIRST_PAIRS = 5
# A process gives the median of so many; an attempt takes up to 200. Where processes spread by 1 %,
# rounds then do by 1.025 %. With 9 it is 1.08 %, and 3 % was found in .972 of runs, not in .988.
VALUES = 31
NAME = "Touchstone"


@dataclass(frozen=True)
class Evidence:
    """What both stages say of one case before others are corrected for."""

    suspected: bool
    p_value: float = 1.0
    direction: int = 0  # 1 slower, -1 faster; 0 where the stages disagree, or it is within margin


def weigh(first: Times, confirm: Times) -> Evidence:
    """Screen the first stage's log times (pairs, side); weigh the fresh pairs of a suspect."""
    if rule.screen(first) >= rule.SUSPECT:
        return Evidence(False)
    signs = [np.sign(np.median(logs[:, 1] - logs[:, 0])) for logs in (first, confirm)]
    p_value = rule.exchange_p(confirm)
    if signs[0] != signs[1] or p_value >= rule.ALARM:
        return Evidence(True, p_value)
    return Evidence(True, p_value, _direction(confirm))


def _direction(confirm: Times) -> int:
    """Return which way a case changed, 0 where it is `same`: the whole interval within margin."""
    differences = confirm[:, 1] - confirm[:, 0]
    walsh = np.add.outer(differences, differences)[np.triu_indices(len(differences))] / 2
    estimate = float(np.median(walsh))
    may_be_same = abs(estimate) < math.log1p(rule.MARGIN)
    if may_be_same and rule.within(rule.exchange_interval(confirm), rule.MARGIN):
        return 0
    return 1 if estimate > 0 else -1


def judge(found: Sequence[Evidence]) -> list[int]:
    """Return the direction of every case of a comparison, corrected over its suspects."""
    adjusted = iter(rule.adjust([e.p_value for e in found if e.suspected]))
    return [e.direction if e.suspected and next(adjusted) < rule.ALARM else 0 for e in found]


@dataclass(frozen=True)
class Comparison:
    """One comparison played: evidence of all cases, then of case 0 by change."""

    found: list[Evidence]
    num_cases: int

    @property
    def alarms(self) -> int:
        return sum(direction != 0 for direction in judge(self.found[: self.num_cases]))

    @property
    def cost(self) -> float:
        """Return the processes of both stages over those of the first, with nothing changed."""
        suspects = sum(evidence.suspected for evidence in self.found[: self.num_cases])
        return 1 + suspects * rule.CONFIRM_PAIRS / (self.num_cases * FIRST_PAIRS)

    def found_changes(self) -> list[bool]:
        """Say of every change whether case 0 is `slower` among the other cases."""
        others = self.found[1 : self.num_cases]
        return [judge([changed, *others])[0] == 1 for changed in self.found[self.num_cases :]]


def play(source: Source, rng: np.random.Generator) -> Comparison:
    """Draw both stages and weigh every case."""
    slots = [2 * FIRST_PAIRS, 2 * rule.CONFIRM_PAIRS]
    stages = []
    for draw in source.stages(rng, slots, VALUES):
        sides = interleaved(draw, rng)
        stages.append(np.stack([np.log(np.median(side, axis=2)) for side in sides], axis=2))
    found = [weigh(first, confirm) for first, confirm in zip(*stages, strict=True)]
    return Comparison(found, len(draw.unchanged_CSV))
