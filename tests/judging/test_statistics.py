"""Intervals over rounds: exact on known numbers, and of the promised coverage under stopping."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bench.cases.case import Case
from bench.judging.statistics import (
    LEVEL,
    Interval,
    exp_bounded,
    interval,
    ratio,
    round_values,
    unseen_mode_share,
)
from bench.running.pace import Pace
from bench.running.stopping import EFFORTS, Effort, fit, narrow, reason


def one_session(values: list[float]) -> dict[tuple[int, int], float]:
    return {(0, i): value for i, value in enumerate(values)}


def test_interval_is_students_t_on_logs() -> None:
    values = [1.0, 1.1, 0.9, 1.05, 1.2]
    found = interval(one_session(values))
    logs = np.log(values)
    low, high = stats.t.interval(LEVEL, 4, logs.mean(), stats.sem(logs))
    assert found.estimate == pytest.approx(np.exp(logs.mean()))
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)))
    assert (found.rounds, found.sessions) == (5, 1)


def test_one_round_gives_no_interval() -> None:
    found = interval({(0, 0): 2.0})
    assert (found.estimate, found.low, found.high, found.half_width) == (2.0, None, None, None)


def test_two_rounds_are_as_wide_as_cauchys_distribution() -> None:
    """With one degree of freedom t is Cauchy's, whose quantile is tan(pi (p - 1/2))."""
    found = interval({(0, 0): math.exp(0.01), (0, 1): math.exp(-0.01)}, 0.95)
    expected = 0.01 * math.tan(math.pi * 0.475)  # the standard error is .01
    assert found.half_width == pytest.approx(expected)
    assert (found.estimate, found.high) == pytest.approx((1.0, math.exp(expected)))


def test_half_a_width_is_that_of_the_logarithms() -> None:
    assert Interval(2.0, 1.0, 4.0, 5, 1).half_width == pytest.approx(math.log(2))
    assert Interval(2.0, 1.0, None, 5, 1).half_width is None
    assert Interval(2.0, None, 4.0, 5, 1).half_width is None


def test_what_would_overflow_is_bounded_alike_on_both_sides() -> None:
    assert math.log(exp_bounded(1e4)) == pytest.approx(300)
    assert math.log(exp_bounded(-1e4)) == pytest.approx(-300)
    assert exp_bounded(2.0) == pytest.approx(math.e**2)


@pytest.mark.parametrize("rounds", [1, 2, 5, 9, 15])
def test_a_mode_is_missed_by_all_rounds_as_often_as_is_said(rounds: int) -> None:
    assert (1 - unseen_mode_share(rounds)) ** rounds == pytest.approx(0.05)
    assert (1 - unseen_mode_share(rounds, miss=0.3)) ** rounds == pytest.approx(0.3)


def test_a_resume_is_not_pooled_as_one_session() -> None:
    first, second = [1.0, 1.01, 0.99], [2.0, 2.02, 1.98]
    rounds = {(0, i): v for i, v in enumerate(first)}
    rounds |= {(1, i + 3): v for i, v in enumerate(second)}
    found = interval(rounds)
    assert found.sessions == 2
    assert found.low < 1.0
    assert found.high > 2.0  # it spans both, however narrow each is


def test_forks_of_a_round_are_averaged_not_counted() -> None:
    one = {(0, r): [[1.0, 1.0, 5.0]] for r in range(5)}
    many = {(0, r): [[1.0, 1.0, 5.0]] * 20 for r in range(5)}
    assert interval(round_values(one)) == interval(round_values(many))


def test_ratio_cancels_what_disturbs_a_round() -> None:
    drift = [1.0, 3.0, 0.5, 2.0, 7.0]
    slow = one_session([1.2 * d for d in drift])
    found = ratio(slow, one_session(drift))
    assert found is not None
    assert found.low == pytest.approx(1.2)
    assert found.high == pytest.approx(1.2)


def test_ratio_needs_common_rounds() -> None:
    assert ratio({(0, 0): 1.0}, {(0, 1): 1.0}) is None


def test_checkpoints_are_fixed_beforehand_and_the_reason_is_told() -> None:
    tight = interval(one_session([1.0, 1.001, 0.999, 1.0, 1.0]))
    loose = interval(one_session([1.0, 2.0, 0.5, 1.0, 3.0]))
    assert narrow(tight)
    assert not narrow(loose)
    assert reason(5, tight, [5, 9], "finished") == "narrow"
    assert reason(9, loose, [5, 9], "finished") == "rounds"
    assert reason(6, loose, [5, 9], "budget") == "budget"


def test_a_small_budget_shortens_the_share_of_each_attempt() -> None:
    effort = Effort(1.0, (5, 9))
    cases = [Case("suite", f"variant{i}", "module", "Problem", {}) for i in range(10)]
    pace = Pace(effort.share_s)
    assert fit(effort, cases, None, pace) == effort
    assert fit(effort, cases, 3600.0, pace) == effort
    assert 0.05 <= fit(effort, cases, 40.0, pace).share_s < 1.0
    few = [replace(case, rounds=1) for case in cases]
    assert fit(effort, few, 40.0, pace).share_s > fit(effort, cases, 40.0, pace).share_s
    assert fit(effort, [replace(case, rounds=0) for case in cases], 1.0, pace) == effort


@pytest.mark.parametrize("spread", [0.005, 0.01, 0.02, 0.03, 0.05])
@pytest.mark.parametrize("preset", ["smoke", "standard"])
def test_coverage_under_the_stopping_rule(preset: str, spread: float) -> None:
    """Stop as the schedule does: at least 94 % of intervals must cover the truth."""
    random = np.random.default_rng(7)
    checkpoints = EFFORTS[preset].checkpoints
    covered = [
        found.low <= 1.0 <= found.high
        for times in np.exp(random.normal(0.0, spread, (6000, checkpoints[-1])))
        for found in [stopped(times.tolist(), checkpoints)]
    ]
    assert np.mean(covered) >= 0.94


@pytest.mark.parametrize("spread", [0.001, 0.01, 0.02])
def test_two_modes_are_covered_where_rounds_are_not_too_few(spread: float) -> None:
    """Slow 30 % of the rounds down by 8 %: five rounds may agree by chance, and must not stop."""
    random = np.random.default_rng(8)
    checkpoints = EFFORTS["standard"].checkpoints
    logs = random.normal(0.0, spread, (4000, checkpoints[-1]))
    logs += math.log(1.08) * (random.random(logs.shape) < 0.3)
    truth = 1.08**0.3
    covered = [
        found.low <= truth <= found.high
        for times in np.exp(logs)
        for found in [stopped(times.tolist(), checkpoints)]
    ]
    assert np.mean(covered) >= 0.92


def test_the_mode_that_a_number_of_rounds_may_miss_is_missed_1_time_in_20() -> None:
    random = np.random.default_rng(9)
    for rounds in (1, 3, 5, 9, 15):
        share = unseen_mode_share(rounds)
        missed = (random.random((40_000, rounds)) >= share).all(axis=1).mean()
        assert missed == pytest.approx(0.05, abs=0.005)
        found = interval(one_session([1.0] * rounds))
        assert found.unseen_mode_share == share


def stopped(times: list[float], checkpoints: tuple[int, ...]) -> Interval:
    """Return the interval at the first checkpoint where it is narrow, or at the last."""
    for n in checkpoints:
        found = interval(one_session(times[:n]))
        if narrow(found):
            break
    return found
