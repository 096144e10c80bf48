"""Spreads of repeated measurements, in sums that can be done by hand."""

from __future__ import annotations

import math

import pytest

from bench.store.spread import (
    Recordings,
    Squares,
    occasion_squares,
    pair_squares,
    pooled,
    process_squares,
    session_squares,
)

NOTHING = Squares(0.0, 0)


def session(*logs: tuple[float, float]) -> list[tuple[float, float]]:
    return [(math.exp(a), math.exp(b)) for a, b in logs]


def of_mean(log: float) -> list[tuple[float, float]]:
    """Make a session of two rounds whose four processes have this mean."""
    return session((log - 0.3, log + 0.1), (log + 0.4, log - 0.2))


def same(found: Squares, total: float, freedom: int) -> bool:
    return found.freedom == freedom and found.total == pytest.approx(total)


def test_cases_share_the_spread_of_all_their_squares() -> None:
    found = pooled([Squares(2.0, 1), Squares(10.0, 2), Squares(99.0, 0)])
    assert found is not None
    assert (found.sd, found.freedom) == (2.0, 3)
    assert pooled([NOTHING]) is None
    assert pooled([]) is None


def test_a_pair_of_the_same_code_should_not_differ() -> None:
    """Half of the squares .04 and .16 is each side's own, and every pair tells one thing."""
    one, other = session((0.2, 0.0)), session((0.1, 0.5))
    assert same(pair_squares([one, other]), 0.1, 2)
    assert same(pair_squares([[*one, *other]]), 0.1, 2)


def test_processes_scatter_about_the_mean_of_their_session_and_side() -> None:
    """Sides of 0 and .2, and of 0 and .4, have squares of .02 and .08; rounds count once."""
    one = session((0.0, 0.0), (0.2, 0.4))
    elsewhere = session((5.0, 7.0), (5.2, 7.4))
    assert same(process_squares([one]), 0.05, 1)
    assert same(process_squares([one, elsewhere]), 0.1, 2)
    assert same(process_squares([session((0.0, 3.0), (0.1, 3.0), (0.2, 3.0))]), 0.01, 2)
    assert same(process_squares([session((1.0, 2.0))]), 0.0, 0)


def test_sessions_scatter_about_the_mean_of_all() -> None:
    """Means of 0, .2 and .7 lie .3, .1 and .4 from theirs."""
    apart: Recordings = [[of_mean(0.0)], [of_mean(0.2), of_mean(0.7)]]
    assert same(session_squares(apart), 0.26, 2)
    assert same(session_squares([[of_mean(0.0), of_mean(0.2)]]), 0.02, 1)
    assert session_squares([[of_mean(0.2)]]) == NOTHING
    assert session_squares([]) == NOTHING


def test_what_averaging_over_an_occasion_took_off_is_put_back() -> None:
    """Means of occasions .1, .4 and 1 have a variance of .21; sessions of the first, of .02.

    Half of those .02 averaged out on one occasion of three.
    """
    days: Recordings = [[of_mean(0.0), of_mean(0.2)], [of_mean(0.4)], [of_mean(1.0)]]
    assert same(occasion_squares(days), 2 * (0.21 + 0.02 / 6), 2)
    single: Recordings = [[of_mean(0.1)], [of_mean(0.4)], [of_mean(1.0)]]
    assert same(occasion_squares(single), 2 * 0.21, 2)
    assert occasion_squares(days[:2]) == NOTHING


def test_sessions_of_all_occasions_tell_how_they_differ_within() -> None:
    """Two occasions of two sessions have .02 each within; one of three has .26 of freedom two."""
    twos = [[of_mean(1.0), of_mean(1.2)], [of_mean(2.0), of_mean(2.2)]]
    three = [of_mean(3.1 - 0.3), of_mean(3.1 - 0.1), of_mean(3.1 + 0.4)]
    inside = (0.02 + 0.02 + 0.26) / 4
    averaged = (1 / 2 + 1 / 2 + 2 / 3) / 3
    found = occasion_squares([*twos, three])
    assert same(found, 2 * (1.0 + inside * averaged), 2)  # 1.1, 2.1 and 3.1 have a variance of 1
