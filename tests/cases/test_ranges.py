"""Intervals of shares and distances end where these do."""

from __future__ import annotations

import random
from math import inf

import pytest

from bench.cases.ranges import EVERYWHERE, of_differences, range_of
from bench.judging.mean import estimate_mean


def test_an_interval_stays_in_its_range_and_loses_nothing_within() -> None:
    lot = random.Random(3)
    for _ in range(2000):
        values = [lot.choice([0.0, 1.0, lot.random()]) for _ in range(lot.randint(2, 6))]
        plain, found = estimate_mean(values), estimate_mean(values, within=(0.0, 1.0))
        assert None not in (plain.low, plain.high)
        assert found.estimate == plain.estimate
        assert (found.low, found.high) == (max(plain.low, 0.0), min(plain.high, 1.0))
        assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_what_is_measured_beyond_a_range_shows_that_it_is_none() -> None:
    assert estimate_mean([-0.5, 0.7], within=(0.0, 1.0)) == estimate_mean([-0.5, 0.7])
    assert estimate_mean([0.3], within=(0.0, 1.0)).low is None


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("other_image_share", (0.0, 1.0)),
        ("my_share", (0.0, 1.0)),
        ("fid", (0.0, inf)),
        ("fid_clean", (0.0, inf)),
        ("fd_digits_cnn", (0.0, inf)),
        ("error", (0.0, inf)),
        ("loss_gap", EVERYWHERE),
        ("final_loss", EVERYWHERE),  # a user's own may be a log-likelihood
        ("observed_order", EVERYWHERE),
    ],
)
def test_ranges_go_by_name(name: str, within: tuple[float, float]) -> None:
    assert range_of(name) == within


def test_differences_have_a_range_of_their_own() -> None:
    assert of_differences((0.0, 1.0)) == (-1.0, 1.0)
    assert of_differences((0.0, inf)) == EVERYWHERE
    assert of_differences(EVERYWHERE) == EVERYWHERE
