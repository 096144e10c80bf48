"""When rounds may stop: at checkpoints fixed beforehand, never at will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.cases.case import Case, Role
from bench.cases.costs import costs_of
from bench.judging.statistics import Interval
from bench.running.pace import SHARE_MIN_S, Pace

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
    "smoke": Effort(0.25, (5,)),
    "quick": Effort(0.25, (5,)),
    "standard": Effort(1.0, (9, 15)),
    "full": Effort(1.0, (9, 15)),
}


def narrow(found: Interval | None) -> bool:
    """Say whether an interval is narrow enough to stop at a checkpoint."""
    return (
        found is not None
        and found.half_width is not None
        and (found.half_width <= TARGET_HALF_WIDTH)
    )


def estimate_s(cases: Sequence[Case], effort: Effort, pace: Pace) -> float:
    """Estimate the seconds of a whole run up to its last checkpoint."""
    rounds = effort.checkpoints[-1]
    return _fixed_s(cases, rounds, pace) + _shares(cases, rounds, pace) * effort.share_s


def fit(effort: Effort, cases: Sequence[Case], budget_s: float | None, pace: Pace) -> Effort:
    """Shorten the share of each attempt so that the first checkpoint fits the budget."""
    rounds = effort.checkpoints[0]
    shares = _shares(cases, rounds, pace)
    if budget_s is None or not shares:
        return effort
    share = (0.9 * budget_s - _fixed_s(cases, rounds, pace)) / shares
    return Effort(min(max(share, SHARE_MIN_S), effort.share_s), effort.checkpoints)


def _shares(cases: Sequence[Case], rounds: int, pace: Pace) -> int:
    """Count the shares of time that all processes of so many rounds sample."""
    return sum(case.shares * case.most_rounds(rounds) for case in cases if pace.goes_on(case))


def _fixed_s(cases: Sequence[Case], rounds: int, pace: Pace) -> float:
    """Estimate what does not shrink with the share: servers, processes, ranks, preparation."""
    rounds = max((case.most_rounds(rounds) for case in cases), default=0)  # others start no server
    begin_s = sum(costs_of(device).begin_s for device in {case.device for case in cases})
    servers_s = pace.server_start_s * (rounds + 1)
    return begin_s + servers_s + sum(_of_case(case, rounds, pace) for case in cases)


def _of_case(case: Case, rounds: int, pace: Pace) -> float:
    if not pace.goes_on(case):
        return pace.beside_s(case, "check")
    times: list[tuple[Role, int]] = [
        ("check", 1),
        ("memory", 1),
        ("fit", 1 if case.fit_bytes else 0),
        ("quality", case.quality_seeds),
        ("time", case.most_rounds(rounds)),
    ]
    return sum(count * pace.beside_s(case, role) for role, count in times if count)


def reason(rounds: int, found: Interval | None, checkpoints: list[int], ended_by: str) -> str:
    """Tell why rounds ended: `narrow`, `rounds` (the last checkpoint), or how the run did."""
    if rounds in checkpoints and narrow(found):
        return "narrow"
    return "rounds" if rounds >= checkpoints[-1] else (ended_by or "interrupted")
