"""Sentences made from counts say what is there: rounds, sessions, singular and plural."""

from __future__ import annotations

import pytest

from bench.cases.case import Case
from bench.cases.counted import counted, rounds_asked
from bench.judging.record import Record
from bench.judging.rule import Pairs, judge_pairs
from bench.judging.statistics import Interval, interval
from bench.judging.words import factor, plus_minus, span
from reports.fastest import families
from reports.page import unseen_modes


def over(*rounds: tuple[int, int]) -> Interval:
    return interval({key: 1e-3 + 1e-6 * i for i, key in enumerate(rounds)})


@pytest.mark.parametrize(
    ("rounds", "words"),
    [
        ([(0, 0)], "one round"),
        ([(2, 7)], "one round"),
        ([(0, 0), (1, 1)], "2 rounds, one a session"),
        ([(0, 0), (1, 1), (2, 2)], "3 rounds, one a session"),
    ],
)
def test_rounds_that_give_no_interval_are_told_as_they_are(rounds, words: str) -> None:
    assert plus_minus(over(*rounds)) == words


def test_two_rounds_of_a_session_give_an_interval() -> None:
    assert plus_minus(over((0, 0), (0, 1), (1, 2))).startswith("±")


def timed(variant: str, level: float, *rounds: tuple[int, int]) -> Record:
    samples = {"time": {key: [[level]] for key in rounds}}
    return Record(Case("s", variant, "m", "P", {"n": 1}), "ok", samples=samples)


def test_a_factor_over_rounds_without_spread_says_so() -> None:
    lone = [(0, 0), (1, 1), (2, 2)]
    (family,) = families([timed("fast", 1.0, *lone), timed("slow", 2.0, *lone)])
    (answer,) = family.answers
    assert answer.interval == "3 rounds, one a session"
    assert answer.next_factor == "2.00× (3 rounds, one a session)"
    assert answer.ties == ["slow"]


def test_bounds_too_far_apart_tell_of_how_many_rounds() -> None:
    assert factor(Interval(2.0, 0.01, 400.0, 2, 1)) == "2.00× (no bounds from 2 rounds)"
    assert factor(Interval(2.0, None, None, 1, 1)) == "2.00×"  # of one sample, not of rounds
    assert factor(Interval(2.0, 1.5, 2.5, 5, 1)) == "2.00× (1.50–2.50)"


def test_things_are_counted_in_words() -> None:
    assert [counted(n, "round") for n in (0, 1, 2)] == ["0 rounds", "1 round", "2 rounds"]
    assert [counted(n, "process") for n in (1, 2)] == ["1 process", "2 processes"]


def test_rounds_asked_are_those_the_cases_get() -> None:
    every = Case("s", "v", "m", "P", {"n": 1})
    few = Case("s", "w", "m", "P", {"n": 1}, rounds=3)
    one = Case("s", "x", "m", "P", {"n": 1}, rounds=1)
    assert rounds_asked([every], [9, 15]) == "9 or 15 rounds"
    assert rounds_asked([every, few], [5]) == "3 or 5 rounds"
    assert rounds_asked([one], [9, 15]) == "1 round"
    assert rounds_asked([every, few, one], [9, 15]) == "1 to 15 rounds"


def test_what_few_rounds_may_miss_is_told_of_the_fewest() -> None:
    five, three = ([(0, n) for n in range(count)] for count in (5, 3))
    told = unseen_modes([timed("a", 1.0, *five), timed("b", 1.0, *three)])
    assert told.startswith("3 rounds, the fewest here")
    assert "63%" in told
    assert unseen_modes([]) == ""


def test_no_round_in_common_is_not_called_one() -> None:
    none, one = judge_pairs([Pairs([]), Pairs([(1.0, 2.0)])])
    assert none.why.startswith("no round in common")
    assert one.why.startswith("one round in common")


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (1.24, 2.06, "1.2–2.1×"),
        (1.02, 1.31, "1.02–1.31×"),
        (0.031, 0.31, "0.03–0.31×"),
        (0.0042, 0.05, "0.004–0.050×"),
        (0.5, 0.8, "0.5–0.8×"),
        (12.4, 31.0, "12–31×"),
        (1e-4, 1.0, "an unbounded factor"),
    ],
)
def test_a_span_never_begins_at_nothing(low: float, high: float, told: str) -> None:
    assert span(low, high) == told
