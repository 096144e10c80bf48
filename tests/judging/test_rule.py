"""The verdict rule: exact p values, false alarms and power by simulation, runs recorded apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.cases.case import Case
from bench.cases.kind import kind_of
from bench.judging.apart import NO_SPREAD, Apart, Spread, judge_apart
from bench.judging.rule import (
    CONFIRM_PAIRS,
    LOOK_PAIRS,
    Pairs,
    adjust,
    exchange_interval,
    exchange_p,
    judge_pairs,
    rounds_needed,
    still_suspects,
    suspects,
    t_interval,
    visible_change,
)

CASES = 40


def noise(rng: np.random.Generator, setting: str, runs: int, rounds: int) -> np.ndarray:
    """Draw log times of shape (runs, cases, rounds, side), sides in an order drawn by lot."""
    shape = (runs, CASES, rounds, 2)
    logs = rng.normal(0, 0.01, shape)
    if setting == "drift":
        logs += np.linspace(0, 0.2, rounds * 2).reshape(rounds, 2)
    if setting == "spikes":
        logs += np.where(rng.random(shape) < 0.05, rng.uniform(0.1, 0.5, shape), 0)
    if setting == "correlated":
        steps = rng.normal(0, 0.01, (runs, CASES, rounds * 2))
        logs += np.cumsum(steps, axis=-1).reshape(shape)
    swapped = rng.random(shape[:3]) < 0.5
    logs[swapped] = logs[swapped][:, ::-1]
    return logs


STAGES = (5, LOOK_PAIRS, CONFIRM_PAIRS)


def judged(first: np.ndarray, look: np.ndarray, confirm: np.ndarray) -> tuple[list[str], float]:
    """Play all stages for one run; return the verdicts and the cost over the first stage's."""
    cases = [Pairs(list(np.exp(logs))) for logs in first]
    looked_at = suspects(cases)
    for i in looked_at:
        cases[i] = Pairs(cases[i].first, look=list(np.exp(look[i])))
    confirmed = still_suspects(cases)
    for i in confirmed:
        cases[i] = Pairs(cases[i].first, list(np.exp(confirm[i])), look=cases[i].look)
    pairs = len(looked_at) * LOOK_PAIRS + len(confirmed) * CONFIRM_PAIRS
    return [change.verdict for change in judge_pairs(cases)], 1 + pairs / first[..., 0].size


def test_what_sticks_to_a_side_is_a_difference_to_it() -> None:
    """An offset that each round draws anew is noise; drawn once, no test tells it from a change."""
    rng = np.random.default_rng(3)
    own = rng.normal(0, 0.002, (20, 2))
    offset = np.array([0.0, 0.05])
    drawn_once, each_round = np.exp(own + offset), np.exp(own + rng.normal(0, 0.05, (20, 2)))
    sticking, fresh = ([Pairs(t[:5].tolist(), t[5:].tolist())] for t in (drawn_once, each_round))
    assert [change.verdict for change in judge_pairs(sticking)] == ["slower"]
    assert [change.verdict for change in judge_pairs(fresh)] == ["unclear"]


@pytest.mark.parametrize("setting", ["quiet", "drift", "spikes", "correlated"])
def test_forty_unchanged_cases_raise_an_alarm_in_one_run_of_a_hundred_at_most(setting: str) -> None:
    rng, runs = np.random.default_rng(7), 30
    drawn = [noise(rng, setting, runs, rounds) for rounds in STAGES]
    found = [judged(*stages) for stages in zip(*drawn, strict=True)]
    alarms = sum(bool({"faster", "slower"} & set(verdicts)) for verdicts, _ in found)
    # a rate of 1 % gives three or more of 30 with a probability of .003
    assert alarms <= 2
    assert np.mean([cost for _, cost in found]) <= 1.5


@pytest.mark.parametrize(("setting", "least"), [("quiet", 47), ("spikes", 44)])
def test_a_change_of_three_percent_among_forty_is_found(setting: str, least: int) -> None:
    rng, runs = np.random.default_rng(8), 50
    drawn = [noise(rng, setting, runs, rounds) for rounds in STAGES]
    for logs in drawn:
        logs[:, 0, :, 1] += math.log(1.03)
    found = [judged(*stages)[0][0] for stages in zip(*drawn, strict=True)]
    # a power of .98 gives 46 or fewer of 50 with a probability of .02, one of .96 43 with .01
    assert found.count("slower") >= least
    assert "faster" not in found


def test_a_suspect_that_was_not_measured_again_is_never_changed() -> None:
    pairs = Pairs([(1.0, 1.5 + i / 100) for i in range(5)])
    (change,) = judge_pairs([pairs])
    assert change.verdict == "unclear"
    assert "not confirmed" in change.why


def test_what_a_few_fresh_pairs_clear_is_not_confirmed() -> None:
    """Chance made one of ten look slower; it is judged by all pairs that were taken of it."""
    rng = np.random.default_rng(11)
    cases = [Pairs(np.exp(rng.normal(0, 0.01, (5, 2))).tolist()) for _ in range(9)]
    unlucky = [(1.0, 1.03 + i / 500) for i in range(5)]
    look = [(1.0, 0.99 - i / 500) for i in range(LOOK_PAIRS)]
    assert 0 in suspects([Pairs(unlucky), *cases])
    cleared = Pairs(unlucky, look=look)
    assert 0 not in still_suspects([cleared, *cases])
    change = judge_pairs([cleared, *cases])[0]
    assert (change.verdict, change.why) == ("unclear", "")
    assert change.ratio is not None
    assert change.ratio.rounds == 5 + LOOK_PAIRS
    again = Pairs(unlucky, look=unlucky)
    assert 0 in still_suspects([again, *cases])
    assert "not confirmed" in judge_pairs([again, *cases])[0].why


def test_a_suspect_whose_sign_turns_is_not_changed() -> None:
    first = [(1.0, 1.1 + i / 1000) for i in range(5)]
    confirm = [(1.0, 0.9 + i / 1000) for i in range(CONFIRM_PAIRS)]
    (change,) = judge_pairs([Pairs(first, confirm)])
    assert change.verdict == "unclear"


def test_a_change_within_the_margin_is_the_same_even_if_real() -> None:
    first = [(1.0, 1.010 + i / 1e5) for i in range(5)]
    confirm = [(1.0, 1.010 + i / 1e5) for i in range(CONFIRM_PAIRS)]
    pairs = Pairs(first, confirm)
    assert [change.verdict for change in judge_pairs([pairs])] == ["same"]
    assert [change.verdict for change in judge_pairs([pairs], margin=0.005)] == ["slower"]


def test_one_round_says_nothing() -> None:
    (change,) = judge_pairs([Pairs([(1.0, 2.0)])])
    assert (change.verdict, change.ratio) == ("unclear", None)


def test_exchanging_labels_is_wilcoxons_exact_test_where_ranks_agree() -> None:
    rng = np.random.default_rng(3)
    logs = rng.normal(0, 1, (9, 2))
    logs[:, 0] += 100 * np.arange(9)  # drift: rank sums say nothing beyond signs
    logs[:, 1] = logs[:, 0] + rng.normal(0.8, 1, 9)
    exact = stats.wilcoxon(logs[:, 1] - logs[:, 0], method="exact").pvalue
    assert exchange_p(logs) <= 2 * exact + 1e-12
    assert exchange_p(logs) >= min(2 * exact, 2 * 2**-8) - 1e-12


def test_the_rarest_outcome_is_one_exchange_of_all() -> None:
    logs = np.array([[0.0, 1.0 + i / 10] for i in range(15)])
    assert exchange_p(logs) == pytest.approx(2 * 2 * 2.0**-15)


def test_ties_and_equal_sides_change_nothing() -> None:
    logs = np.zeros((15, 2))
    assert exchange_p(logs) == 1.0
    assert exchange_interval(logs).estimate == 1.0


def test_the_interval_holds_what_the_test_does_not_reject_and_covers() -> None:
    rng, covered = np.random.default_rng(4), 0
    for _ in range(100):
        logs = rng.normal(0, 0.02, (15, 2)) + np.array([0.0, math.log(1.05)])
        found = exchange_interval(logs)
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.estimate < found.high
        covered += found.low < 1.05 < found.high
    assert covered >= 90  # 95 % gives fewer with a probability of .01


def test_students_interval_agrees_with_scipys() -> None:
    logs = np.random.default_rng(5).normal(0, 0.01, (6, 2))
    found = t_interval(logs)
    expected = stats.ttest_rel(logs[:, 1], logs[:, 0]).confidence_interval(0.95)
    assert found.low == pytest.approx(math.exp(expected.low))
    assert found.high == pytest.approx(math.exp(expected.high))


def test_adjusted_p_values_are_scipys() -> None:
    p_values = list(np.random.default_rng(6).random(20) ** 3)
    assert adjust(p_values) == pytest.approx(stats.false_discovery_control(p_values))
    assert adjust([]) == []


def test_rounds_needed_fall_with_the_distance_from_doubt() -> None:
    assert rounds_needed(0.0, 0.02, 0.02) < rounds_needed(0.01, 0.02, 0.02)
    assert rounds_needed(0.1, 0.02, 0.02) == 3
    assert rounds_needed(0.0, 0.04, 0.02) > 2 * rounds_needed(0.0, 0.02, 0.02)


def test_smaller_changes_show_with_more_rounds_and_fewer_cases() -> None:
    assert visible_change(0.01, 10) < visible_change(0.01, 5) < visible_change(0.01, 3)
    assert visible_change(0.01, 5, num_cases=1) < visible_change(0.01, 5, num_cases=40)


def rounds_of(rng: np.random.Generator, level: float, sd: float = 0.01) -> dict:
    return {(0, i): math.exp(level + rng.normal(0, sd)) for i in range(5)}


def test_runs_apart_are_unclear_until_sessions_are_known() -> None:
    rng = np.random.default_rng(1)
    (change,) = judge_apart([Apart(rounds_of(rng, 0), rounds_of(rng, 0.5), None)])
    assert (change.verdict, change.why) == ("unclear", NO_SPREAD)
    assert change.ratio is not None
    assert change.ratio.low is None


def test_runs_apart_of_the_same_code_do_not_alarm_where_sessions_differ() -> None:
    rng, spread, alarms, naive = np.random.default_rng(2), Spread(0.03, 7), 0, 0
    for _ in range(60):
        cases, blind = [], []
        for _ in range(10):
            base, new = (rounds_of(rng, rng.normal(0, 0.03)) for _ in range(2))
            cases.append(Apart(base, new, spread))
            blind.append(Apart(base, new, Spread(0.0, 1)))
        alarms += any(c.verdict in ("faster", "slower") for c in judge_apart(cases))
        naive += any(c.verdict in ("faster", "slower") for c in judge_apart(blind))
    assert alarms <= 2
    assert naive >= 50  # blind to sessions, nearly every comparison cries wolf


def test_runs_apart_show_a_change_beyond_what_sessions_differ_by() -> None:
    rng = np.random.default_rng(3)
    cases = [Apart(rounds_of(rng, 0), rounds_of(rng, math.log(1.5)), Spread(0.02, 6))]
    (change,) = judge_apart(cases)
    assert change.verdict == "slower"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"flops": 1000, "bytes_moved": 10}, "compute"),
        ({"flops": 10, "bytes_moved": 10}, "memory"),
        ({"pass_": "train", "flops": 1000, "bytes_moved": 10}, "training"),
        ({"threads": 2}, "threads"),
        ({"ranks": 2}, "ranks"),
        ({"device": "cuda:0"}, "gpu"),
        ({}, "other"),
    ],
)
def test_a_kind_is_told_from_what_a_case_declares(changes: dict, kind: str) -> None:
    assert kind_of(Case("s", "v", "m", "P", {}, **changes)) == kind
