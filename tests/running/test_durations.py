"""What is learned of a kind of attempt: by sums, weighed, and from the nearest kind."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bench.cases.case import Attempt, Case, Role
from bench.cases.costs import declared_s
from bench.running.durations import Durations, kind_of_attempt
from bench.store import decode

CASE = Case("suite", "one", "module", "Problem", {"n": 1})
HEAVY = replace(CASE, variant="heavy", flops=10**11)
OTHER = replace(CASE, variant="other", flops=10**10)
SHARE_S = 0.25


def after(known: Durations, times: float, *cases: Case, role: Role = "check") -> Durations:
    """Return what is known after these cases took so many times what is declared of them."""
    made = [
        Attempt(case.id, role, 0, 0, "ok", elapsed_s=times * declared_s(case, role))
        for case in cases
    ]
    return known.updated(cases, made, SHARE_S)


def factor(known: Durations, case: Case, role: Role = "check") -> float | None:
    return known.factor(case, role)


def test_a_factor_is_of_sums_so_that_what_takes_longest_counts_most() -> None:
    known = after(after(Durations(), 1.0, CASE), 3.0, HEAVY)
    whole = 0.5 * declared_s(CASE, "check") + declared_s(HEAVY, "check")
    taken = 0.5 * declared_s(CASE, "check") + 3 * declared_s(HEAVY, "check")
    assert factor(known, OTHER) == pytest.approx(taken / whole)
    assert 2.9 < taken / whole < 3.0


@pytest.mark.parametrize("times", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("role", ["check", "memory", "time"])
def test_another_selection_of_a_kind_is_expected_exactly_where_the_kind_is_alike(
    times: float, role: Role
) -> None:
    known = after(Durations(), times, CASE, HEAVY, role=role)
    assert factor(known, OTHER, role) == pytest.approx(times)


def test_a_run_of_little_does_not_put_aside_what_much_showed() -> None:
    known = after(after(Durations(), 2.0, HEAVY), 10.0, CASE)
    assert factor(known, OTHER) == pytest.approx(2.0, rel=0.05)


def test_a_machine_that_changed_is_followed_soon() -> None:
    known = after(Durations(), 1.0, HEAVY)
    for _ in range(4):
        known = after(known, 3.0, HEAVY)
    assert factor(known, OTHER) == pytest.approx(3.0, rel=0.05)


def test_compilers_and_ranks_are_kinds_of_their_own() -> None:
    compiled, ranks = replace(CASE, compiles=True), replace(CASE, ranks=2)
    kinds = {kind_of_attempt(case, "time") for case in (CASE, compiled, ranks)}
    assert len(kinds) == 3
    known = after(after(after(Durations(), 1.0, CASE), 2.0, compiled), 4.0, ranks)
    found = [factor(known, replace(case, variant="x")) for case in (CASE, compiled, ranks)]
    assert found == pytest.approx([1.0, 2.0, 4.0])


def test_the_nearest_kind_speaks_for_one_that_never_ran() -> None:
    known = after(Durations(), 2.0, CASE)
    known = after(known, 6.0, CASE, role="time")
    elsewhere = replace(OTHER, suite="another")
    assert factor(known, elsewhere) == pytest.approx(2.0)
    assert factor(known, elsewhere, "time") == pytest.approx(6.0)
    assert 2.0 < (factor(known, elsewhere, "memory") or 0.0) < 6.0
    assert factor(known, replace(CASE, device="cuda:0")) is None


def test_what_was_kept_before_there_were_weights_is_read_and_followed() -> None:
    kind = kind_of_attempt(CASE, "check")
    before = decode(msgspec.json.encode({"kinds": {kind: 4.0}}), Durations, "")
    assert factor(before, OTHER) == 4.0
    assert factor(before, replace(OTHER, suite="another")) == 4.0
    assert factor(after(before, 2.0, CASE), OTHER) == pytest.approx(2.0)
