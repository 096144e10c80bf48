"""Rounds beyond both stages, with nothing measured: who goes on, how far, under which numbers."""

from __future__ import annotations

import pytest

from bench.cases.kind import kind_of
from bench.judging.limit import reachable
from bench.running.pairing.judged import limits_here
from bench.store.known_noise import KindNoise, Noise
from bench.store.spread import Spread
from tests.running.made_cases import case
from tests.running.test_ab_schedule import CONFIRM, ROUNDS, Told, both, execute


def rounds_of(told: Told, variant: str) -> list[int]:
    return [n for letter, v, role, n in told.log if (letter, v, role) == ("A", variant, "time")]


def test_what_is_not_excluded_goes_on_from_look_to_look() -> None:
    pairs = [both("soon"), both("late"), both("never")]
    excluded_at = {pairs[0].name: 5, pairs[1].name: 10}
    told = execute(pairs, looks=(10, 20, 40), excluded_at=excluded_at)
    assert (told.ended_by, told.schedule.stage) == ("finished", "exclude")
    assert [len(rounds_of(told, name)) for name in ("soon", "late", "never")] == [5, 10, 40]
    # numbers that confirmation has for itself are left to it
    begins = ROUNDS + CONFIRM
    assert rounds_of(told, "never") == [*range(ROUNDS), *range(begins, begins + 35)]
    assert rounds_of(told, "late")[ROUNDS:] == list(range(begins, begins + 5))


def test_what_was_confirmed_has_pairs_enough_for_the_first_looks() -> None:
    pairs = [both("suspect"), both("plain")]
    told = execute(pairs, suspects=("suspect",), looks=(10, 20, 40))
    numbers = rounds_of(told, "suspect")
    assert len(numbers) == len(set(numbers)) == 40
    assert numbers[:20] == list(range(20))
    assert numbers[20] == ROUNDS + CONFIRM + 15  # after the other one's 5 and 10
    assert len(rounds_of(told, "plain")) == 40


def test_a_case_that_bounds_its_rounds_goes_on_all_the_same() -> None:
    told = execute([both("few", rounds=2)], looks=(10,))
    assert len(rounds_of(told, "few")) == 10


def test_without_looks_and_without_open_cases_nothing_goes_on() -> None:
    assert len(rounds_of(execute([both("a")]), "a")) == ROUNDS
    told = execute([both("a")], looks=(10,), excluded_at={both("a").name: 0})
    assert len(rounds_of(told, "a")) == ROUNDS


def test_what_has_died_goes_no_further() -> None:
    told = execute([both("dies"), both("a")], fails=("dies",), looks=(10,))
    assert len(rounds_of(told, "a")) == 10
    assert len(rounds_of(told, "dies")) == ROUNDS


def test_a_limit_is_taken_as_asked_or_from_selftests(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [case("a"), case("b")]
    kind = kind_of(cases[0])
    noise = Noise(4, 1, 600.0, {kind: KindNoise("time", {"time": Spread(0.01, 60)})})
    monkeypatch.setattr("bench.running.pairing.judged.known", lambda *_: noise)
    assert limits_here("auto", "cpu", cases, ROUNDS) == reachable(noise, [kind] * 2, ROUNDS)
    assert limits_here(0.05, "cpu", cases, ROUNDS) == {}
    assert limits_here(None, "cpu", cases, ROUNDS) == {}
    assert limits_here("off", "cpu", cases, ROUNDS) == {}
    monkeypatch.setattr("bench.running.pairing.judged.known", lambda *_: None)
    assert limits_here("auto", "cpu", cases, ROUNDS) == {}
