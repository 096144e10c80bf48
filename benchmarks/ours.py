"""Our rule on drawn samples: `bench.judging.rule`'s own tests and corrections, all stages.

`bench.judging.rule.judge_pairs` gives the same verdicts, and an interval for every case besides,
which takes most of its time: here one is worked out only where a verdict hangs on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.judging import rule
from bench.judging.screening import screen
from benchmarks.samples import Source, Times, interleaved

FIRST_PAIRS = 5
# A process gives the median of so many; an attempt takes up to 200. Where processes spread by 1 %,
# rounds then do by 1.025 %. With 9 it is 1.08 %, and 3 % was found in .972 of runs, not in .988.
VALUES = 31
NAME = "Touchstone"


@dataclass(frozen=True)
class Evidence:
    """What the stages say of one case before others are corrected for.

    `suspected` after the first stage, `confirmed` measured once more: it stayed so after the look.
    """

    suspected: bool
    confirmed: bool = False
    p_value: float = 1.0
    direction: int = 0  # 1 slower, -1 faster; 0 where the stages disagree, or it is within margin


@dataclass(frozen=True)
class Stages:
    """Log times of all cases (cases, pairs, side), stage after stage."""

    first: Times
    look: Times
    confirm: Times

    def of(self, case: int, others: slice) -> Stages:
        """Return one case followed by others."""
        return Stages(*(np.concatenate([t[case : case + 1], t[others]]) for t in self._all()))

    def _all(self) -> tuple[Times, Times, Times]:
        return self.first, self.look, self.confirm


def weigh(stages: Stages) -> list[Evidence]:
    """Screen the first stage, then with the look; weigh the fresh pairs of what stays suspected."""
    begun = np.concatenate([stages.first, stages.look], axis=1)
    suspected = np.array(_screen(stages.first)) < rule.SUSPECT
    stays = suspected & (np.array(_screen(begun)) < rule.AGAIN)
    return [
        _fresh(logs, fresh) if stay else Evidence(bool(seen))
        for logs, fresh, seen, stay in zip(begun, stages.confirm, suspected, stays, strict=True)
    ]


def _screen(logs: Times) -> list[float]:
    return screen([case[:, 1] - case[:, 0] for case in logs])


def _fresh(begun: Times, confirm: Times) -> Evidence:
    signs = [np.sign(np.median(logs[:, 1] - logs[:, 0])) for logs in (begun, confirm)]
    p_value = rule.exchange_p(confirm)
    if signs[0] != signs[1] or p_value >= rule.ALARM:
        return Evidence(True, True, p_value)
    return Evidence(True, True, p_value, _direction(confirm))


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
    """Return the direction of every case of a comparison, corrected over what was confirmed."""
    adjusted = iter(rule.adjust([e.p_value for e in found if e.confirmed]))
    return [e.direction if e.confirmed and next(adjusted) < rule.ALARM else 0 for e in found]


@dataclass(frozen=True)
class Comparison:
    """One comparison played: all cases unchanged, then with case 0 changed, by change."""

    unchanged: list[Evidence]
    changed: list[list[Evidence]]

    @property
    def num_cases(self) -> int:
        return len(self.unchanged)

    @property
    def alarms(self) -> int:
        return sum(direction != 0 for direction in judge(self.unchanged))

    @property
    def cost(self) -> float:
        """Return the processes of all stages over those of the first, with nothing changed."""
        pairs = sum(
            rule.LOOK_PAIRS * e.suspected + rule.CONFIRM_PAIRS * e.confirmed for e in self.unchanged
        )
        return 1 + pairs / (self.num_cases * FIRST_PAIRS)

    def found_changes(self) -> list[bool]:
        """Say of every change whether case 0 is `slower` among the other cases."""
        return [judge(found)[0] == 1 for found in self.changed]


def play(source: Source, rng: np.random.Generator) -> Comparison:
    """Draw all stages and weigh every case."""
    slots = [2 * FIRST_PAIRS, 2 * rule.LOOK_PAIRS, 2 * rule.CONFIRM_PAIRS]
    drawn = []
    for draw in source.stages(rng, slots, VALUES):
        sides = interleaved(draw, rng)
        drawn.append(np.stack([np.log(np.median(side, axis=2)) for side in sides], axis=2))
    cases, stages = len(draw.unchanged_CSV), Stages(*drawn)
    changes = range(cases, len(drawn[0]))
    return Comparison(
        weigh(stages.of(0, slice(1, cases))),
        [weigh(stages.of(change, slice(1, cases))) for change in changes],
    )
