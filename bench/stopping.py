"""When rounds may stop: at checkpoints fixed beforehand, never at will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.case import Case
from bench.statistics import Interval

TARGET_HALF_WIDTH = 0.02  # of the estimate: narrower than this is narrow enough


@dataclass(frozen=True)
class Effort:
    """How much a preset spends: seconds of sampling in an attempt, and the checkpoints.

    A checkpoint is a number of rounds after which a case may stop; the last one always ends it.
    """

    share_s: float
    checkpoints: tuple[int, ...]


# Five rounds that agree may all come from one mode of two, and stopping there would hide the
# other: with 30 % of rounds at +8 %, intervals of 5/9/15 cover 81 %, those of 9/15 at least 93 %
# (benchmarks/coverage.py). Smoke and quick have no time for more, and say so in every row.
EFFORTS = {
    "smoke": Effort(0.4, (5,)),
    "quick": Effort(0.32, (5,)),
    "standard": Effort(1.0, (9, 15)),
    "full": Effort(1.0, (9, 15)),
}

SHARE_MIN_S = 0.05
OVERHEAD_S = 0.05  # of an attempt: fork, inputs, set-up
PREPARATION_S = 0.4  # of a case: check and memory
QUALITY_S = 1.0  # of a seed
RANKS_START_S = 1.0  # of an attempt of several ranks
SERVER_START_S = 1.3


def narrow(found: Interval | None) -> bool:
    """Say whether an interval is narrow enough to stop at a checkpoint."""
    return (
        found is not None
        and found.half_width is not None
        and (found.half_width <= TARGET_HALF_WIDTH)
    )


def estimate_s(cases: Sequence[Case], effort: Effort) -> float:
    """Estimate the seconds of a whole run up to its last checkpoint."""
    rounds = effort.checkpoints[-1]
    attempts = sum(case.most_rounds(rounds) for case in cases)
    return _fixed_s(cases, rounds) + attempts * effort.share_s


def fit(effort: Effort, cases: Sequence[Case], budget_s: float | None) -> Effort:
    """Shorten the share of each attempt so that the first checkpoint fits the budget."""
    rounds = effort.checkpoints[0]
    attempts = sum(case.most_rounds(rounds) for case in cases)
    if budget_s is None or not attempts:
        return effort
    share = (0.9 * budget_s - _fixed_s(cases, rounds)) / attempts
    return Effort(min(max(share, SHARE_MIN_S), effort.share_s), effort.checkpoints)


def _fixed_s(cases: Sequence[Case], rounds: int) -> float:
    """Estimate what does not shrink with the share: servers, processes, ranks, preparation."""
    total = SERVER_START_S * (rounds + 1)
    for case in cases:
        start_s = OVERHEAD_S if case.ranks == 1 else RANKS_START_S
        total += PREPARATION_S + case.quality_seeds * QUALITY_S
        total += start_s * (2 + case.quality_seeds + case.most_rounds(rounds))
    return total


def reason(rounds: int, found: Interval | None, checkpoints: list[int], ended_by: str) -> str:
    """Tell why rounds ended: `narrow`, `rounds` (the last checkpoint), or how the run did."""
    if rounds in checkpoints and narrow(found):
        return "narrow"
    return "rounds" if rounds >= checkpoints[-1] else (ended_by or "interrupted")
