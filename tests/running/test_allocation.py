"""How the time of a round is dealt out among processes: the textbook's optimum, within bounds."""

from __future__ import annotations

import math

import pytest

from bench.running.allocation import (
    DECLARED,
    LEAST_SHARE_S,
    UNTOLD,
    alike,
    allocate,
    allocated,
    between,
    variance,
)
from bench.store.allocated import MOST_FORKS, Allocation
from bench.store.known_noise import Components
from bench.timing.sampling import LEAST_CALLS
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
