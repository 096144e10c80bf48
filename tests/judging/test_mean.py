"""Means of plain values, with Student's t from its table, within what a quantity can be."""

from __future__ import annotations

import math

import pytest

from bench.judging.mean import Mean, estimate_mean

T_OF_TWO, T_OF_FIVE = 12.7062, 2.77645  # 97.5 % of t with 1 and with 4 degrees of freedom


def test_the_interval_is_that_of_the_table() -> None:
    found = estimate_mean([1.0, 3.0])  # their standard error is 1
    assert (found.estimate, found.count) == (2.0, 2)
    assert (found.low, found.high) == pytest.approx((2 - T_OF_TWO, 2 + T_OF_TWO), rel=1e-5)
    five = estimate_mean([1.0, 2.0, 3.0, 4.0, 5.0])  # of variance 2.5
    half = T_OF_FIVE * math.sqrt(2.5 / 5)
    assert (five.low, five.high) == pytest.approx((3 - half, 3 + half), rel=1e-5)


def test_one_value_is_one_value_without_bounds() -> None:
    assert estimate_mean([-2.0]) == Mean(-2.0, None, None, 1)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0.0, 1.0], 0.0, 1.0),  # both ends are what the quantity can be
        ([0.4, 0.6], 0.0, 1.0),
        ([0.49, 0.51], 0.5 - 0.01 * T_OF_TWO, 0.5 + 0.01 * T_OF_TWO),
        ([-0.1, 0.1], -0.1 * T_OF_TWO, 0.1 * T_OF_TWO),  # a value lies beyond: nothing ends there
        ([0.9, 1.1], 1 - 0.1 * T_OF_TWO, 1 + 0.1 * T_OF_TWO),
    ],
)
def test_an_interval_ends_where_the_quantity_does(
    values: list[float], low: float, high: float
) -> None:
    found = estimate_mean(values, within=(0.0, 1.0))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-5, abs=1e-9)
