"""How the time of a round is dealt out among processes: the textbook's optimum, within bounds."""

from __future__ import annotations

import math
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from bench.running import allocation
from bench.running.allocation import (
    DECLARED,
    LEAST_SHARE_S,
    UNTOLD,
    alike,
    allocate,
    allocated,
    allocated_for,
    asked_in_words,
    between,
    variance,
)
from bench.running.stopping import Effort
from bench.store.allocated import MOST_FORKS, Allocation
from bench.store.known_noise import Components, KindNoise, Noise
from bench.timing.sampling import LEAST_CALLS, MAX_SAMPLES, WARM_UP_SHARE
from tests.running.made_cases import case

EVERY = [*DECLARED.values(), UNTOLD, Components(0.0, 0.05), Components(0.2, 0.0)]


@pytest.mark.parametrize("components", EVERY)
@pytest.mark.parametrize("share_s", [0.05, 0.25, 1.0])
@pytest.mark.parametrize("start_s", [0.01, 0.06, 0.5, 5.0])
@pytest.mark.parametrize("call_s", [0.0, 0.004, 0.03])
def test_no_other_number_of_processes_varies_less_in_the_same_time(
    components: Components, share_s: float, start_s: float, call_s: float
) -> None:
    best = allocate(components, share_s, start_s, call_s)
    assert best.forks * (start_s + best.share_s) == pytest.approx(start_s + share_s, abs=1e-3)
    for forks in range(1, MOST_FORKS + 1):
        each_s = (start_s + share_s) / forks - start_s
        if each_s > max(LEAST_SHARE_S, LEAST_CALLS * call_s) + 1e-3:
            other = variance(components, Allocation(forks, each_s))
            assert variance(components, best) <= other * 1.001
    if best.forks > 1:
        assert best.share_s >= max(LEAST_SHARE_S, LEAST_CALLS * call_s) - 1e-4


def test_what_starts_slowly_or_differs_within_processes_alone_has_one() -> None:
    assert allocate(Components(0.06, 0.01), 0.25, start_s=1.0).forks == 1
    assert allocate(Components(0.0, 0.05), 0.25, start_s=0.05).forks == 1
    assert allocate(Components(0.06, 0.01), 0.25, start_s=0.05, call_s=0.05).forks == 1
    assert allocate(Components(0.06, 0.01), 0.25, start_s=0.02).forks > 3


def test_several_shares_are_dealt_out_as_one_longer_share() -> None:
    plain, longer = case("one", pass_="train"), case("two", pass_="train", shares=6)
    started, called = (lambda _: 0.03), (lambda _: 0.0)
    found = allocated([plain, longer], 0.25, {}, started, called)
    assert found[longer.id] == allocate(DECLARED["training"], 6 * 0.25, 0.03)
    assert found[plain.id] == allocate(DECLARED["training"], 0.25, 0.03)


def test_what_a_selftest_found_of_a_kind_counts_before_what_is_declared() -> None:
    cases = [case("one", pass_="train"), case("two", n=2)]
    started, called = (lambda _: 0.03), (lambda _: 0.0)
    declared = allocated(cases, 0.25, {}, started, called)
    assert set(declared) == {cases[0].id}
    known = {"training": Components(0.0, 0.5), "other": Components(0.2, 0.001)}
    assert set(allocated(cases, 0.25, known, started, called)) == {cases[1].id}


def test_what_a_selftest_found_is_averaged_with_what_is_declared() -> None:
    found = between(Components(0.0, 0.02), Components(0.06, 0.0))
    assert found.fork == pytest.approx(0.06 / math.sqrt(2))
    assert found.call == pytest.approx(0.02 / math.sqrt(2))
    assert between(None, UNTOLD) == UNTOLD


def test_both_sides_of_a_pair_have_the_same() -> None:
    few, many = Allocation(2, 0.1), Allocation(5, 0.03)
    a = {"x": few, "slow in b": many, "only a": many}
    b = {"x": many, "slow in a": many, "only b": few}
    pairs = [(name, name) for name in ("x", "slow in a", "slow in b", "slow in both")]
    assert alike(a, b, pairs) == ({"x": few, "only a": many}, {"x": few, "only b": few})
    assert alike(b, a, pairs) == ({"x": few, "only b": few}, {"x": few, "only a": many})


def test_a_rounds_variance_is_the_textbooks() -> None:
    sampled_s = 0.1 * (1 - WARM_UP_SHARE)
    found = variance(Components(0.06, 0.01), Allocation(2, 0.1))
    assert found == pytest.approx((0.06**2 + 0.01**2 / sampled_s) / 2)


def test_there_are_never_more_processes_than_may_be_asked_for() -> None:
    assert allocate(Components(0.2, 0.0), 5.0, start_s=0.001).forks == MOST_FORKS


def test_two_processes_are_several() -> None:
    start_s = 0.1  # of a share of .25 s, three would leave too little
    found = allocated([case("one", pass_="train")], 0.25, {}, lambda _: start_s, lambda _: 0.0)
    assert [way.forks for way in found.values()] == [2]


# Cases of a kind that one process does for, of one that wants several, of ranks, and of none.
PLAIN, SEVERAL = case("plain"), case("several", pass_="train")
RANKS = case("ranks", ranks=2, shares=8)
UNTIMED, ENDED = case("untimed", rounds=0, pass_="train"), case("ended", pass_="train")
PACE = SimpleNamespace(share_s=0.25, start_s=lambda _: 0.03, goes_on=lambda c: c is not ENDED)


@pytest.mark.parametrize(
    ("cases", "processes", "rounds", "words"),
    [
        ([], 0, 0, "in 1 process (some "),
        ([PLAIN], 5, 5, "in 1 process (some "),
        ([PLAIN, UNTIMED, ENDED], 5, 5, "in 1 process (some "),
        ([SEVERAL], 20, 5, "in 4 processes (some "),
        ([PLAIN, SEVERAL], 25, 10, "in 1 to 4 processes (some "),
        ([PLAIN, RANKS], 10, 10, "in 1 process, up to 2 s where ranks start (some "),
        ([case("twice", shares=2)], 5, 5, "in 1 process, up to 0.5 s where ranks start (some "),
    ],
)
def test_what_will_be_asked_is_told(
    cases: list, processes: int, rounds: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocation, "known", lambda *_: None)
    told = asked_in_words(cases, "cpu", Effort(0.25, (2, 9, 5)), PACE)
    assert told == f"{words}{processes} in all, up to {MAX_SAMPLES * rounds} samples)"


def test_what_a_selftest_found_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Noise(kinds={"training": KindNoise("time", components=Components(0.0, 0.5))})
    monkeypatch.setattr(allocation, "known", lambda *_: noise)
    assert asked_in_words([SEVERAL], "cpu", Effort(0.25, (5,)), PACE).startswith("in 1 process ")


@pytest.mark.parametrize("told", [True, False])
def test_a_session_allocates_what_is_timed_and_sound_by_its_own_noise(told: bool) -> None:
    kinds = {"training": KindNoise("time", components=Components(0.0, 0.5))}
    noise = asdict(Noise(kinds=kinds)) if told else {}
    failed = case("failed", pass_="train")
    attempts = SimpleNamespace(
        run=SimpleNamespace(last_session=SimpleNamespace(noise=noise)),
        failed={failed.id},
        call_s=lambda _: 0.0,
    )
    found = allocated_for(attempts, [PLAIN, SEVERAL, UNTIMED, failed], PACE)
    assert set(found) == (set() if told else {SEVERAL.id})
