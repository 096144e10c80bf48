"""What looks changed: known answers of its parts, and how often noise alone looks so."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import digamma, polygamma

from bench.judging.screening import (
    LEAST_CASES,
    _inverse_trigamma,
    _prior,
    calibrated,
    screen,
    walsh_median,
)


def drawn(seed: int, cases: int, rounds: int = 5, spread: float = 0.014) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list(rng.normal(0, spread, (cases, rounds)))


def test_alone_a_case_is_weighed_by_students_t_or_by_its_middle() -> None:
    (case,) = drawn(1, 1)
    (found,) = screen([case])
    assert found <= stats.ttest_1samp(case, 0).pvalue + 1e-12
    shifted = case + 0.05
    assert screen([shifted])[0] < 0.02


@pytest.mark.parametrize("cases", [1, LEAST_CASES, 40])
def test_units_and_order_of_cases_do_not_matter(cases: int) -> None:
    own = drawn(2, cases)
    found = screen(own)
    assert screen([100 * case for case in own]) == pytest.approx(found)
    assert screen(own[::-1])[::-1] == pytest.approx(found)


def test_what_does_not_vary_is_as_sure_as_can_be() -> None:
    assert screen([np.zeros(5)]) == [1.0]
    assert screen([np.ones(2)]) == [0.0]
    assert screen([np.ones(1), np.array([])]) == [1.0, 1.0]
    assert screen([]) == []
    assert screen([np.zeros(5)] * 6) == [1.0] * 6


def test_other_cases_tell_what_noise_is_usual() -> None:
    """Three rounds that happen to agree are no wonder among forty that scatter."""
    agreeing = np.array([0.0100, 0.0101, 0.0102])
    assert screen([agreeing])[0] < 0.001
    assert screen([agreeing, *drawn(3, 40, 3)])[0] > 0.05


@pytest.mark.parametrize("spike", [0.1, 0.5, -0.5])
def test_one_disturbed_round_does_not_hide_a_change(spike: float) -> None:
    others = drawn(4, 39)
    changed = drawn(5, 1)[0] + 0.03
    disturbed = np.append(changed[:4], spike)
    assert screen([disturbed, *others])[0] < 0.1


@pytest.mark.parametrize("rounds", [3, 5, 10, 25])
def test_noise_alone_looks_changed_about_as_often_as_two_looks_would(rounds: int) -> None:
    found = np.array([p for seed in range(40) for p in screen(drawn(seed, 40, rounds))])
    for level in (0.02, 0.25):
        assert level < np.mean(found < level) < 2 * level


def test_one_that_never_varies_among_many_that_do_has_their_noise() -> None:
    """Its own variance is none: a clock's step, and no certainty."""
    assert screen([np.full(3, 0.01), *drawn(3, 40, 3)])[0] > 0.01


def smyths(squares: np.ndarray, freedom: np.ndarray) -> tuple[float, float]:
    """Solve the two equations of Smyth 2004, section 6.2, by another library's root finder."""
    z = np.log(squares)
    e = z - digamma(freedom / 2) + np.log(freedom / 2)
    n = len(e)
    excess = ((e - e.mean()) ** 2).sum() / (n - 1) - polygamma(1, freedom / 2).mean()
    half = optimize.brentq(lambda x: polygamma(1, x) - excess, 1e-3, 1e9, xtol=1e-12)
    return 2 * half, float(np.exp(e.mean() + digamma(half) - np.log(half)))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("apart", [0.6, 1.0, 2.5])
def test_what_cases_share_is_what_the_article_says(seed: int, apart: float) -> None:
    rng = np.random.default_rng(seed)
    freedom = rng.integers(4, 12, 30).astype(float)
    squares = np.exp(rng.normal(-8, apart, 30)) * rng.chisquare(freedom) / freedom
    assert _prior(squares, freedom) == pytest.approx(smyths(squares, freedom), rel=1e-6)


def test_a_few_cases_tell_nothing_of_each_other_and_equal_ones_all() -> None:
    squares, freedom = np.array([1.0, 9.0, 0.1, 40.0]), np.full(4, 8.0)
    assert _prior(squares[:3], freedom[:3])[0] == 0.0
    assert _prior(squares, freedom) == pytest.approx(smyths(squares, freedom), rel=1e-6)
    prior, usual = _prior(np.full(6, 4.0), np.full(6, 9.0))
    assert prior > 5000
    assert usual == pytest.approx(4.0 * np.exp(np.log(4.5) - digamma(4.5)), rel=1e-3)


@pytest.mark.parametrize(
    ("values", "middle"),
    [([3.0], 3.0), ([1.0, 2.0], 1.5), ([1.0, 2.0, 4.0], 2.25), ([1.0, 2.0, 4.0, 100.0], 3.5)],
)
def test_the_centre_is_the_median_of_means_of_pairs(values: list[float], middle: float) -> None:
    pairs = [(a + b) / 2 for i, a in enumerate(values) for b in values[i:]]
    assert walsh_median(np.array(values)) == np.median(pairs)
    if len(values) < 4:
        assert walsh_median(np.array(values)) == middle


@pytest.mark.parametrize("value", [1e-3, 0.1, 1.0, 5.0, 100.0])
def test_trigamma_is_inverted(value: float) -> None:
    assert polygamma(1, _inverse_trigamma(value)) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("size", [4, 5, 8, 20])
def test_a_calibrated_deviation_is_a_mean_square_and_averages_spread_as_told(size: int) -> None:
    told = calibrated(size)
    draws = np.random.default_rng(99).normal(size=(4000, size))
    middles = np.median(draws, axis=1, keepdims=True)
    deviations = np.sort(np.abs(draws - middles), axis=1)[:, size // 2]
    squares = np.log(told.factor * deviations**2)
    like = np.log(stats.chi2(told.freedom).rvs(40_000, random_state=1) / told.freedom)
    assert squares.mean() == pytest.approx(like.mean(), abs=0.06)
    assert squares.std() == pytest.approx(like.std(), rel=0.05)
    averages = [walsh_median(values) for values in draws]
    assert np.var(averages) * size == pytest.approx(told.spread, rel=0.1)
