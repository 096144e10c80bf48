"""What a ranking calls a tie, by intervals of two rounds, whose t is Cauchy's."""

from __future__ import annotations

import math

import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.judging.ranking import Ranking, rankings, timed_apart
from bench.judging.record import Record, fold_case
from bench.judging.statistics import LEVEL


def record(variant: str, *seconds: float) -> Record:
    case = Case("suite", variant, "module", "Problem", {"n": 1})
    return fold_case(
        case,
        [
            Attempt(case.id, "time", 0, n, "ok", measurements=[Measurement("time", "s", [s])])
            for n, s in enumerate(seconds)
        ],
    )


def ranking(*records: Record) -> Ranking:
    (found,) = rankings(list(records))
    return found


def scattered(variant: str, log_ratio: float) -> Record:
    """Make one whose ratio to one second has a standard error of .01 on the log scale."""
    return record(variant, *(math.exp(log_ratio + side * 0.01) for side in (-1, 1)))


def cauchy(probability: float) -> float:
    return math.tan(math.pi * (probability - 0.5))


@pytest.mark.parametrize("num_rivals", [1, 2, 3])
def test_a_tie_ends_where_the_interval_corrected_for_all_pairs_leaves_1(num_rivals: int) -> None:
    steady = record("steady", 1.0, 1.0)
    others = [record(f"slow{i}", 9.0, 9.0) for i in range(num_rivals - 1)]
    pairs = num_rivals * (num_rivals + 1) / 2
    half = 0.01 * cauchy(1 - (1 - LEVEL) / pairs / 2)
    for share, tied in ((0.99, True), (1.01, False)):
        near = scattered("near", share * half)
        found = ranking(*others, near, steady)
        assert found.fastest.case.variant == "steady"
        assert found.rivals[0].record.case.variant == "near"
        assert [rival.tied for rival in found.rivals] == [tied] + [False] * (num_rivals - 1)
        assert found.tied == found.rivals[: int(tied)]
        assert found.rivals[0].ratio.estimate == pytest.approx(math.exp(share * half))


def test_equal_times_are_a_tie_at_exactly_1() -> None:
    found = ranking(record("one", 0.25, 0.5), record("other", 0.25, 0.5))
    (rival,) = found.rivals
    assert (rival.ratio.low, rival.tied) == (1.0, True)


def test_one_round_tells_nobody_apart() -> None:
    found = ranking(record("fast", 1.0), record("slow", 5.0))
    assert [rival.tied for rival in found.rivals] == [True]
    assert found.clock == ""


def test_one_alone_is_not_ranked() -> None:
    assert rankings([record("alone", 1.0, 1.0)]) == []
    assert rankings([]) == []
    assert timed_apart([record("alone", 1.0, 1.0)]) == []  # no other clock is there
