"""The verdict rule held to known answers: all exchanges counted one by one, tables, and scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bench.judging import rule
from bench.judging.rule import (
    CONFIRM_PAIRS,
    Pairs,
    adjust,
    exchange_interval,
    exchange_p,
    judge_pairs,
    rounds_needed,
    suspects,
    t_interval,
    verdict_of,
    visible_change,
    within,
)
from bench.judging.screening import screen
from bench.judging.statistics import Interval

MILLISECOND = math.log(1e-3)


def pairs_of(differences: list[float], confirm: list[float] | None = None) -> Pairs:
    """Make pairs of milliseconds with these log ratios."""
    stages = [[(1e-3, 1e-3 * math.exp(d)) for d in stage] for stage in (differences, confirm or [])]
    return Pairs(*stages)


def test_the_estimate_is_the_median_of_the_averages_of_any_two() -> None:
    """Of 1, 2 and 6 hundredths those are 1, 1.5, 2, 3.5, 4 and 6."""
    logs = np.array([[0.0, 0.01], [0.0, 0.02], [0.0, 0.06]]) + MILLISECOND
    found = exchange_interval(logs)
    assert math.log(found.estimate) == pytest.approx(0.0275)
    assert (found.low, found.high) == (None, None)  # of 3 pairs nothing is rare
    assert (found.rounds, found.sessions) == (3, 1)


def test_sides_that_agree_exactly_leave_nothing_open() -> None:
    found = exchange_interval(np.zeros((12, 2)))
    assert (found.rounds, found.sessions) == (12, 1)
    assert found.low is not None
    assert found.high is not None
    assert -1e-8 < math.log(found.low) < 0 < math.log(found.high) < 1e-8


def test_a_p_at_the_level_is_not_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    case = pairs_of([0.1, 0.12, 0.11], [0.1 + i / 1000 for i in range(12)])
    assert suspects([case, pairs_of([0.01, -0.01, 0.0])]) == [0]
    assert judge_pairs([case])[0].verdict == "slower"
    monkeypatch.setattr(rule, "ALARM", 4 * 2.0**-12)
    assert judge_pairs([case])[0].verdict == "unclear"
    monkeypatch.setattr(rule, "SUSPECT", screen([case.first_logs[:, 1] - case.first_logs[:, 0]])[0])
    assert suspects([case]) == []


def test_which_way_a_change_goes() -> None:
    later = [0.1 + i / 1000 for i in range(CONFIRM_PAIRS)]
    slower, faster = ([side * d for d in later] for side in (1, -1))
    assert judge_pairs([pairs_of(slower[:5], slower)])[0].verdict == "slower"
    assert judge_pairs([pairs_of(faster[:5], faster)])[0].verdict == "faster"
    assert judge_pairs([pairs_of(slower[:5], faster)])[0].verdict == "unclear"
    scattered = [0.3 * (-1) ** i + 0.01 * i for i in range(CONFIRM_PAIRS)]
    assert judge_pairs([pairs_of(slower[:5], scattered)])[0].verdict == "unclear"


def test_two_rounds_say_little_and_none_says_so() -> None:
    """Log ratios of 0 and .04 have a mean of .02 and a variance of twice its square."""
    (two,) = judge_pairs([pairs_of([0.0, 0.04])])
    assert two.ratio is not None
    assert two.ratio.estimate == pytest.approx(math.exp(0.02))
    assert (two.ratio.rounds, two.ratio.sessions) == (2, 1)
    assert two.rounds_needed == 16 + 1  # 7.84 times 2
    (none,) = judge_pairs([pairs_of([])])
    assert none.why == "no round in common; expected at least two"
    (one,) = judge_pairs([pairs_of([0.1])])
    assert one.why == "one round in common; expected at least two"


def test_what_disturbs_a_round_asks_for_no_more_rounds() -> None:
    (drifting,) = judge_pairs([Pairs([(1e-3, 1e-3), (2e-3, 2e-3 * math.exp(0.04))])])
    assert drifting.rounds_needed == 16 + 1


def test_the_interval_of_two_rounds_is_cauchys() -> None:
    found = t_interval(pairs_of([0.0, 0.04]).first_logs)
    assert found.high is not None
    assert math.log(found.high) == pytest.approx(0.02 + 0.02 * 12.7062, rel=1e-5)


def test_the_rounds_that_are_needed_in_known_cases() -> None:
    """(1.96 + .84)^2 = 7.84 times the squared ratio of the scatter to the distance from doubt."""
    assert rounds_needed(0.1, 0.1, 0.02) == 8 + 1
    assert rounds_needed(-0.1, 0.2, 0.02) == 32 + 1
    assert rounds_needed(0.0, 3 * math.log(1.02), 0.02) == 71 + 1
    assert rounds_needed(math.log(1.02) / 4, 0.75 * math.log(1.02), 0.02) == 8 + 1
    assert rounds_needed(1.0, 1e-9, 0.02) == 3


def test_the_change_that_shows_by_the_table_of_t() -> None:
    """t of two degrees of freedom is (2 p - 1) / sqrt(2 p (1 - p)); of eight it is in any table."""
    assert visible_change(0.01, 2) == pytest.approx(math.expm1(0.01 * (9.92484 + 1.06066)))
    assert visible_change(0.01, 2, num_cases=2) == pytest.approx(
        math.expm1(0.01 * (14.08905 + 1.06066))
    )
    by_table = math.expm1(0.01 * (3.35539 + 0.88889) * math.sqrt(2 / 5))
    assert visible_change(0.01, 5) == pytest.approx(by_table, rel=1e-5)


def test_a_change_of_just_the_margin_is_not_within_it() -> None:
    assert within(Interval(1.0, 0.6, 1.9, 5, 1), 1.0)
    assert not within(Interval(1.0, 0.6, 2.0, 5, 1), 1.0)
    assert not within(Interval(1.0, 0.5, 1.9, 5, 1), 1.0)
    for bounds in ((None, None), (None, 1.0), (1.0, None)):
        assert not within(Interval(1.0, *bounds, 5, 1), 1.0)


def test_what_is_within_the_margin_is_the_same_however_sure() -> None:
    assert verdict_of(Interval(1.01, 1.0, 1.015, 5, 1), 0.0, True, 0.1, 0.02).verdict == "same"
    assert verdict_of(Interval(1.01, 1.0, 1.03, 5, 1), 0.0, True, 0.1, 0.02).verdict == "slower"
    assert verdict_of(Interval(0.99, 0.97, 1.0, 5, 1), 0.0, True, 0.1, 0.02).verdict == "faster"


def test_adjusting_by_hand() -> None:
    """Of four: the least times 4, the next times 2, and none above the one that follows it."""
    assert adjust([0.04, 0.01, 0.9, 0.03]) == pytest.approx([0.16 / 3, 0.04, 0.9, 0.16 / 3])


def as_far(statistic: object, logs: np.ndarray) -> float:
    """Count in how many exchanges of labels a statistic is as far from 0 as it was found."""
    found, far = abs(statistic(logs)), 0  # type: ignore[operator]
    exchanges = list(itertools.product((False, True), repeat=len(logs)))
    for exchange in exchanges:
        turned = np.where(np.array(exchange)[:, None], logs[:, ::-1], logs)
        far += abs(statistic(turned)) >= found - 1e-9  # type: ignore[operator]
    return far / len(exchanges)


def signed_ranks(logs: np.ndarray) -> float:
    differences = logs[:, 1] - logs[:, 0]
    return float(np.sum(np.sign(differences) * stats.rankdata(np.abs(differences).round(9))))


def rank_sums(logs: np.ndarray) -> float:
    ranks = stats.rankdata(logs).reshape(logs.shape)
    return float(np.sum(ranks[:, 1]) - np.sum(ranks[:, 0]))


@pytest.mark.parametrize("steps", [1, 16, 1000])
def test_exchanges_are_counted_as_one_by_one(steps: int) -> None:
    """In steps so coarse that values tie, under drift and with outliers."""
    rng = np.random.default_rng(steps)
    by_signs = by_sums = 0
    for _ in range(15):
        logs = rng.normal(0, 1, (6, 2)) + np.array([0.0, rng.uniform(0, 2)])
        logs += np.arange(6)[:, None] * rng.choice([0.0, 3.0]) + (rng.random((6, 2)) < 0.1) * 9
        logs = np.round(logs * steps) / steps if steps < 1000 else logs
        signs, sums = as_far(signed_ranks, logs), as_far(rank_sums, logs)
        assert exchange_p(logs) == pytest.approx(min(1.0, 2 * min(signs, sums)))
        by_signs, by_sums = by_signs + (signs < sums), by_sums + (sums < signs)
    assert by_signs
    assert by_sums


def test_ranks_are_scipys() -> None:
    values = np.array([[3.0, 1.0], [3.0, 2.0], [3.0, 1.0]])
    assert np.array_equal(rule._ranks(values).ravel(), stats.rankdata(values))


def test_an_interval_ends_where_the_test_begins_to_reject() -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        logs = rng.normal(MILLISECOND, 0.02, (12, 2)) + np.array([0.0, 0.05])
        found, near = exchange_interval(logs), np.ptp(logs) / 4000
        assert found.low is not None
        assert found.high is not None
        for end, inwards in ((math.log(found.low), 1), (math.log(found.high), -1)):
            assert exchange_p(logs - [0.0, end + inwards * near]) >= 0.05
            assert exchange_p(logs - [0.0, end - inwards * near]) < 0.05
