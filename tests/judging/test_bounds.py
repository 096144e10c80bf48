"""Bounds on slowdowns: what they are worked out to be, that they hold together, and limits."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from bench.errors import UserError
from bench.judging.bounds import (
    ERROR,
    LEAST_RANKED,
    looks_for,
    share_of,
    slower_at_most,
    upper,
)
from bench.judging.limit import in_words, parse_limit, reachable
from bench.judging.rule import Pairs, judge_pairs
from bench.store.known_noise import KindNoise, Noise
from bench.store.spread import Spread


def logs_of(differences: np.ndarray) -> np.ndarray:
    return np.stack([np.zeros(len(differences)), differences], axis=1)


def pairs_of(differences: np.ndarray, looks: tuple[int, ...] = (), first: int = 5) -> Pairs:
    times = [(1.0, math.exp(d)) for d in differences]
    return Pairs(times[:first], [], times[first:], looks)


def test_few_pairs_are_bounded_by_t() -> None:
    found = np.random.default_rng(1).normal(0.01, 0.02, 10)
    expected = stats.ttest_1samp(found, 0, alternative="less").confidence_interval(0.999).high
    assert upper(logs_of(found), 0.001) == pytest.approx(float(expected))


@pytest.mark.parametrize(("count", "by_t"), [(14, True), (15, False)])
def test_ranks_are_asked_from_fifteen_pairs_on(count: int, by_t: bool) -> None:
    found = np.random.default_rng(2).normal(0, 0.02, count)
    expected = stats.ttest_1samp(found, 0, alternative="less").confidence_interval(0.99).high
    assert (upper(logs_of(found), 0.01) == pytest.approx(float(expected))) is by_t


@pytest.mark.parametrize("count", [10, 30])
def test_what_both_sides_share_moves_no_bound(count: int) -> None:
    rng = np.random.default_rng(7)
    base, found = rng.normal(-3, 1, count), rng.normal(0.01, 0.02, count)
    both = np.stack([base, base + found], axis=1)
    assert upper(both, 0.001) == pytest.approx(upper(logs_of(found), 0.001))


def test_one_pair_tells_nothing_and_takes_no_share_of_the_error() -> None:
    ten = pairs_of(np.random.default_rng(8).normal(0, 0.02, 10))
    alone = slower_at_most([ten])
    assert slower_at_most([ten, pairs_of(np.array([0.0])), pairs_of(np.array([]))]) == [
        *alone,
        None,
        None,
    ]
    assert slower_at_most([pairs_of(np.array([0.0, 1e-4]))])[0] == pytest.approx(0.0, abs=0.01)


def test_a_bound_of_more_than_twice_as_long_is_none() -> None:
    assert share_of(math.log(2.0)) == 1.0
    assert share_of(math.log(2.01)) is None
    assert share_of(1e9) is None
    assert share_of(-0.1) == 0.0


def test_looks_double_from_twice_the_first_stage() -> None:
    assert looks_for(5) == (10, 20, 40, 80)


def test_a_look_that_was_just_reached_counts() -> None:
    steady = np.array([0.05, -0.05] * 5 + [0.0] * 10)
    found = slower_at_most([pairs_of(steady, (10, 20))])[0]
    assert found == pytest.approx(math.expm1(upper(logs_of(steady), ERROR / 2)))


@pytest.mark.parametrize("count", [LEAST_RANKED, 20, 40])
@pytest.mark.parametrize("error", [0.01, 0.001])
def test_many_pairs_are_bounded_by_what_signed_ranks_reject(count: int, error: float) -> None:
    found = np.random.default_rng(count).normal(0.01, 0.02, count)
    bound = upper(logs_of(found), error)
    p_of = [
        stats.wilcoxon(found - shift, alternative="less", method="exact").pvalue
        for shift in (bound - 1e-9, bound + 1e-9)
    ]
    assert p_of[0] > error >= p_of[1]


def test_ranks_that_cannot_be_rare_enough_leave_it_to_t() -> None:
    found = np.random.default_rng(3).normal(0, 0.02, LEAST_RANKED)
    assert upper(logs_of(found), 0.5**LEAST_RANKED) == pytest.approx(found.max())
    rarer = 0.5 ** (LEAST_RANKED + 1)
    by_t = stats.ttest_1samp(found, 0, alternative="less").confidence_interval(1 - rarer).high
    assert upper(logs_of(found), rarer) == pytest.approx(float(by_t))


def test_one_outlier_hardly_moves_a_bound_by_ranks() -> None:
    found = np.random.default_rng(4).normal(0, 0.01, 40)
    spiked = np.array([*found[:-1], 0.5])
    assert upper(logs_of(spiked), 0.001) - upper(logs_of(found), 0.001) < 0.005


def test_the_error_is_shared_by_cases_and_looks() -> None:
    found = np.random.default_rng(5).normal(0, 0.02, 10)
    one = slower_at_most([pairs_of(found, (10, 20))])[0]
    assert one == pytest.approx(math.expm1(upper(logs_of(found), ERROR / 2)))
    three = slower_at_most([pairs_of(found, (10, 20))] * 3)
    assert three == [pytest.approx(math.expm1(upper(logs_of(found), ERROR / 6)))] * 3


def test_looks_are_at_their_pairs_and_the_lowest_of_them_holds() -> None:
    rng = np.random.default_rng(6)
    found = np.concatenate([rng.normal(0, 0.001, 10), rng.normal(0.2, 0.05, 10)])
    after_ten = slower_at_most([pairs_of(found[:10], (10, 20))])[0]
    assert slower_at_most([pairs_of(found[:19], (10, 20))])[0] == after_ten
    assert slower_at_most([pairs_of(found, (10, 20))])[0] == after_ten
    cut_short = slower_at_most([pairs_of(found[:4], (10, 20))])[0]
    assert cut_short == pytest.approx(math.expm1(upper(logs_of(found[:4]), ERROR / 2)))


def test_what_bounds_nothing_is_no_bound() -> None:
    wild = pairs_of(np.array([-3.0, 3.0]))
    assert slower_at_most([wild, pairs_of(np.array([0.1])), Pairs([])]) == [None, None, None]
    assert slower_at_most([pairs_of(np.full(6, -0.5))]) == [0.0]  # surely faster


def test_more_pairs_move_an_estimate_at_looks_and_never_a_verdict_of_change() -> None:
    rng = np.random.default_rng(7)
    found = np.concatenate([rng.normal(0, 0.03, 5), rng.normal(0.3, 0.01, 35)])
    few = judge_pairs([pairs_of(found[:5])])[0]
    for count, rounds in ((9, 5), (10, 10), (19, 10), (20, 20), (40, 20)):
        (change,) = judge_pairs([pairs_of(found[:count], (10, 20))])
        assert (change.verdict, change.p_value) == ("unclear", few.p_value)
        assert change.ratio is not None
        assert change.ratio.rounds == rounds
    wider = judge_pairs([pairs_of(found[:10], (10, 20, 40, 80))])[0].ratio
    narrow = judge_pairs([pairs_of(found[:10], (10,))])[0].ratio
    assert wider is not None
    assert narrow is not None
    assert wider.half_width > narrow.half_width  # type: ignore[operator]


NOISES: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    "normal": lambda rng, shape: rng.normal(0, 0.02, shape),
    "two modes": lambda rng, shape: (
        0.02 * rng.choice([-1, 0, 0, 1], shape) + rng.normal(0, 0.002, shape)
    ),
    "skewed": lambda rng, shape: rng.laplace(0, 0.02, shape),
    "spikes": lambda rng, shape: (
        rng.normal(0, 0.01, shape)
        + np.where(rng.random(shape) < 0.1, rng.choice([-0.3, 0.3], shape), 0)
    ),
}


@pytest.mark.parametrize("noise", NOISES)
def test_no_bound_of_any_case_at_any_look_is_wrong_more_often_than_the_error(noise: str) -> None:
    """Every case is slower by just what may be excluded; a run is wrong where any bound is."""
    rng, looks, runs = np.random.default_rng(8), looks_for(5)[:3], 150
    wrong = 0
    for _ in range(runs):
        drawn = math.log(1.05) + NOISES[noise](rng, (10, looks[-1]))
        bounds = slower_at_most([pairs_of(case, looks) for case in drawn])
        wrong += any(bound is not None and bound < 0.05 - 1e-12 for bound in bounds)
    assert stats.binomtest(wrong, runs, ERROR, alternative="greater").pvalue > 0.001


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5%", 0.05),
        ("5 %", 0.05),
        ("0.05", 0.05),
        (".5", 0.5),
        ("12.5%", 0.125),
        ("100%", 1.0),
        (" AUTO ", "auto"),
        ("off", "off"),
        ("", None),
    ],
)
def test_limits_are_read(text: str, limit: object) -> None:
    assert parse_limit(text) == limit


@pytest.mark.parametrize(
    "text", ["0", "0%", "-5%", "abc", "500%", "5", "1", "1.0", "nan", "inf", "5%%", "5,5%", "1e-2"]
)
def test_nonsense_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"--at-most .*: expected a slowdown") as told:
        parse_limit(text)
    assert "\n" not in str(told.value)


def noise_of(**sds: float) -> Noise:
    kinds = {kind: KindNoise("time", {"time": Spread(sd, 60)}) for kind, sd in sds.items()}
    return Noise(4, 1, 600.0, kinds)


def test_what_noise_allows_grows_with_it_and_with_the_cases() -> None:
    known = noise_of(compute=0.005, training=0.03)
    both = ["compute"] * 20 + ["training"] * 20
    assert reachable(known, both, 5) == {"compute": 0.02, "training": 0.08}
    assert reachable(known, [*both, "gpu"], 5).keys() == {"compute", "training"}
    assert reachable(known, ["training"], 5)["training"] < 0.08
    assert reachable(noise_of(compute=5.0), ["compute"], 5) == {"compute": 1.0}


def test_limits_are_told_by_kind_where_they_differ() -> None:
    assert in_words(0.05, {}) == in_words(0.05, {"compute": 0.05, "memory": 0.05}) == "5 %"
    told = in_words(0.78, {"ranks": 0.78, "compute": 0.03})
    assert told == "what noise here allows, 3 % (compute), 78 % (ranks),"


def test_without_selftests_no_limit_is_known() -> None:
    assert reachable(None, ["compute"], 5) == {}
    assert reachable(noise_of(compute=0.01), ["gpu"], 5) == {}
