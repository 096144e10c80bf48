"""Runs recorded apart, with known answers: t of one degree of freedom is Cauchy's, of two closed.

With two rounds a side whose logarithms are +/- .01, a side's mean has a variance of .0001.
"""

from __future__ import annotations

import math

import pytest

from bench.judging import apart
from bench.judging.apart import NO_SPREAD, Apart, Spread, judge_apart
from bench.judging.statistics import Rounds
from bench.judging.verdict import Change

T_OF_ONE, T_OF_TWO = 12.7062, 4.30265  # 97.5 %


def steady(log: float = 0.0, rounds: int = 2, session: int = 0) -> Rounds:
    return {(session, number): math.exp(log) for number in range(rounds)}


def spread_out(log: float = 0.0) -> Rounds:
    return {(0, 0): math.exp(log - 0.01), (0, 1): math.exp(log + 0.01)}


def judged(base: Rounds, new: Rounds, spread: Spread | None) -> Change:
    (change,) = judge_apart([Apart(base, new, spread)])
    return change


def log_ends(change: Change) -> tuple[float, float, float]:
    found = change.ratio
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    return math.log(found.low), math.log(found.estimate), math.log(found.high)


def test_between_sessions_both_sides_have_their_share_of_the_spread() -> None:
    """As far off as its standard error, Cauchy's distribution has a p of one half."""
    error = 0.1 * math.sqrt(2)
    change = judged(steady(), steady(error), Spread(0.1, 1))
    assert change.p_value == pytest.approx(0.5)
    half = T_OF_ONE * error
    assert log_ends(change) == pytest.approx((error - half, error, error + half), rel=1e-5)
    assert change.verdict == "unclear"


def test_more_sessions_of_a_side_average_its_shift() -> None:
    base = {**steady(), **steady(session=1)}
    error = 0.1 * math.sqrt(1 / 2 + 1)
    change = judged(base, steady(error), Spread(0.1, 1))
    assert change.p_value == pytest.approx(0.5)
    assert change.ratio is not None
    assert (change.ratio.rounds, change.ratio.sessions) == (2, 2)


def test_where_sessions_are_alike_it_is_welchs_test() -> None:
    change = judged(spread_out(), spread_out(0.02), Spread(0.0, 1))
    assert change.p_value == pytest.approx(1 - math.sqrt(2) / 2)  # of t = sqrt(2), freedom 2
    half = T_OF_TWO * 0.01 * math.sqrt(2)
    assert log_ends(change) == pytest.approx((0.02 - half, 0.02, 0.02 + half), rel=1e-5)


@pytest.mark.parametrize("sides", [(spread_out(), steady(0.01)), (steady(), spread_out(0.01))])
def test_freedom_is_that_of_the_side_that_scatters(sides: tuple[Rounds, Rounds]) -> None:
    assert judged(*sides, Spread(0.0, 30)).p_value == pytest.approx(0.5)


def test_as_many_degrees_of_freedom_as_lie_behind_a_spread() -> None:
    """A log ratio of the root of two standard errors has a p of 1 - sqrt(1 / 2) with two."""
    learned = judged(steady(), steady(0.2), Spread(0.1, 2))
    assert learned.p_value == pytest.approx(1 - math.sqrt(2) / 2)
    three = {(0, number): math.exp(0.03 * (number - 1)) for number in range(3)}
    error = 0.03 / math.sqrt(3)
    seen = judged(three, steady(error * math.sqrt(2), rounds=3), Spread(0.0, 1))
    assert seen.p_value == pytest.approx(1 - math.sqrt(2) / 2)


def test_a_p_at_the_level_is_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = steady(), steady(0.5)
    change = judged(*sides, Spread(0.001, 1))
    assert change.verdict == "slower"
    monkeypatch.setattr(apart, "ALARM", change.p_value)
    assert judged(*sides, Spread(0.001, 1)).verdict == "unclear"


def test_rounds_that_scatter_ask_for_rounds() -> None:
    """Of a log ratio of .02 one round tells with an error of .02: (1.96 + .84)^2 = 7.84."""
    change = judged(spread_out(), spread_out(0.02), Spread(0.0, 1))
    assert change.rounds_needed == 8 + 1


def test_what_has_no_error_is_told_by_any_difference() -> None:
    exact = Spread(0.0, 1)
    assert judged(steady(), steady(), exact).p_value == 1.0
    assert judged(steady(), steady(), exact).verdict == "same"
    assert judged(steady(), steady(0.1), exact).p_value == 0.0
    assert judged(steady(), steady(0.1), exact).verdict == "slower"
    assert log_ends(judged(steady(0.1), steady(), exact)) == pytest.approx((-0.1, -0.1, -0.1))


def test_an_alarm_is_shared_among_the_cases() -> None:
    """Of two cases with p = .008, the false ones are below .01; of one among many, not."""
    spread = Spread(0.1, 1)
    far = 0.1 * math.sqrt(2) / math.tan(math.pi * 0.004)
    surely, quiet = Apart(steady(), steady(far), spread), Apart(steady(), steady(), spread)
    assert judge_apart([surely])[0].p_value == pytest.approx(0.008)
    assert [c.verdict for c in judge_apart([surely, surely])] == ["slower", "slower"]
    assert judge_apart([surely, quiet])[0].verdict == "unclear"


def test_nothing_is_concluded_from_one_round_or_an_unknown_spread() -> None:
    one = judged(steady(0.2, rounds=1), steady(0.7, rounds=3), Spread(0.1, 1))
    assert (one.verdict, one.why) == ("unclear", "one round on a side; expected at least two")
    assert one.ratio is not None
    assert (one.ratio.low, one.ratio.rounds, one.ratio.sessions) == (None, 3, 1)
    assert one.ratio.estimate == pytest.approx(math.exp(0.5))
    unknown = judged(steady(), steady(0.5), None)
    assert (unknown.verdict, unknown.why) == ("unclear", NO_SPREAD)
