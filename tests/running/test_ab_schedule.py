"""The order of a comparison, with nothing measured: turns, lots, confirmation, failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.running.pairing.judged import find_suspects
from bench.running.pairing.pairs import Pair
from bench.running.pairing.turns import PairedSchedule
from bench.store import Manifest, Run, Session
from bench.system.own import ROOT
from tests.running.made_cases import case
from tests.running.made_sides import FakeSide, Silent

ROUNDS, CONFIRM = 5, 15


@dataclass
class Told:
    log: list[tuple[str, str, str, int]]
    sides: tuple[FakeSide, FakeSide]
    schedule: PairedSchedule
    ended_by: str

    def timed(self, confirming: bool = False) -> list[tuple[str, str, int]]:
        return [
            (letter, variant, number)
            for letter, variant, role, number in self.log
            if role == "time" and (number >= ROUNDS) == confirming
        ]


def execute(
    pairs: list[Pair],
    suspects: tuple[str, ...] = (),
    fails: tuple[str, ...] = (),
    budget_s: float | None = None,
    seed: int = 7,
    profile: bool = False,
    looks: tuple[int, ...] = (),
    excluded_at: dict[str, int] | None = None,
) -> Told:
    cases = [c for pair in pairs for c in (pair.a, pair.b) if c]
    manifest = Manifest([], "smoke", "cpu", seed, 0.1, [ROUNDS], cases, budget_s=budget_s)
    manifest = replace(manifest, profile=profile)
    log: list[tuple[str, str, str, int]] = []
    sides = (
        FakeSide("A", log, Run(ROOT, manifest)),
        FakeSide("B", log, Run(ROOT, manifest), fails),
    )
    schedule = PairedSchedule(
        sides,  # type: ignore[arg-type]
        pairs,
        lambda found, _: [p for p in found if p.a and p.a.variant in suspects],
        CONFIRM,
        Silent(),
        lambda found: [p for p in found if taken(log, p) < (excluded_at or {}).get(p.name, 10**6)],
        looks,
    )
    return Told(log, sides, schedule, schedule.execute())


def taken(log: list[tuple[str, str, str, int]], pair: Pair) -> int:
    """Return how often a pair has been timed so far."""
    assert pair.b
    return sum(entry[:3] == ("B", pair.b.variant, "time") for entry in log)


def both(variant: str, **changes: object) -> Pair:
    return Pair(case(variant, **changes), case(variant, **changes))


def test_both_sides_of_a_case_are_next_to_each_other_in_an_order_drawn_by_lot() -> None:
    told = execute([both(name) for name in "abcd"])
    timed = told.timed()
    assert len(timed) == 2 * 4 * ROUNDS
    orders = Counter()
    for first, second in zip(timed[::2], timed[1::2], strict=True):
        assert first[1:] == second[1:]  # one case, one round
        orders[first[0], second[0]] += 1
    assert set(orders) == {("A", "B"), ("B", "A")}
    rounds = [timed[i : i + 8] for i in range(0, len(timed), 8)]
    assert all(len({number for *_, number in r}) == 1 for r in rounds)
    assert len({tuple(v for _, v, _ in r) for r in rounds}) > 1  # cases are shuffled too


def test_one_seed_is_one_order() -> None:
    pairs = [both(name) for name in "abcd"]
    assert execute(pairs).log == execute(pairs).log
    assert execute(pairs).log != execute(pairs, seed=8).log


def test_suspects_alone_are_profiled_after_all_that_is_timed_where_that_is_asked() -> None:
    told = execute([both("a"), both("b")], suspects=("a",), profile=True)
    assert told.log[-2:] == [("A", "a", "profile", 0), ("B", "a", "profile", 0)]
    assert [role for *_, role, _ in told.log].count("profile") == 2
    assert told.schedule.timing_began < told.schedule.timing_ended < float("inf")
    plain = execute([both("a"), both("b")], suspects=("a",))
    assert "profile" not in [role for *_, role, _ in plain.log]
    none = execute([both("a"), both("b")], profile=True)
    assert "profile" not in [role for *_, role, _ in none.log]


def test_every_round_has_fresh_servers_on_both_sides() -> None:
    told = execute([both("a"), both("b")], suspects=("a",))
    assert [side.servers_started for side in told.sides] == [1 + ROUNDS + CONFIRM] * 2


def test_suspects_are_timed_again_alone_in_later_rounds() -> None:
    told = execute([both(name) for name in "abc"], suspects=("b",))
    assert told.ended_by == "finished"
    assert told.schedule.stage == "confirm"
    again = told.timed(confirming=True)
    assert {variant for _, variant, _ in again} == {"b"}
    assert sorted({number for *_, number in again}) == list(range(ROUNDS, ROUNDS + CONFIRM))
    assert Counter(letter for letter, *_ in again) == {"A": CONFIRM, "B": CONFIRM}
    firsts = Counter(letter for letter, *_ in again[::2])
    assert set(firsts) == {"A", "B"}


def test_without_suspects_nothing_is_confirmed() -> None:
    assert not execute([both("a")]).timed(confirming=True)


def test_a_case_that_bounds_its_rounds_is_still_confirmed() -> None:
    told = execute([both("few", rounds=2), both("a")], suspects=("few",))
    assert sum(v == "few" for _, v, _ in told.timed()) == 2 * 2
    assert len(told.timed(confirming=True)) == 2 * CONFIRM


def test_a_case_that_is_never_timed_is_prepared_on_both_sides() -> None:
    told = execute([both("quality", rounds=0, quality_seeds=2), both("a")])
    own = [(letter, role, n) for letter, v, role, n in told.log if v == "quality"]
    roles = [("check", 0), ("memory", 0), ("quality", 0), ("quality", 1)]
    orders = [[(letter, *role) for letter in letters for role in roles] for letters in ("AB", "BA")]
    assert own in orders


def test_which_side_compiles_first_is_drawn_by_lot() -> None:
    first = Counter()
    for seed in range(8):
        told = execute([both(name, compiles=True) for name in "abcd"], seed=seed)
        checks = [(letter, variant) for letter, variant, role, _ in told.log if role == "check"]
        assert all(a[1] == b[1] for a, b in zip(checks[::2], checks[1::2], strict=True))
        first.update(letter for letter, _ in checks[::2])
    assert min(first["A"], first["B"]) > 4


def test_a_side_that_fails_goes_no_further_and_is_no_suspect() -> None:
    told = execute([both("dies"), both("a")], suspects=("dies", "a"), fails=("dies",))
    assert sum(entry[:2] == ("B", "dies") for entry in told.timed()) == 1
    assert sum(entry[:2] == ("A", "dies") for entry in told.timed()) == ROUNDS
    assert {v for _, v, _ in told.timed(confirming=True)} == {"a"}


def test_a_case_of_one_side_is_measured_there() -> None:
    told = execute([Pair(None, case("added")), both("a")], suspects=("a",))
    assert {letter for letter, v, *_ in told.log if v == "added"} == {"B"}
    assert sum(v == "added" for _, v, _ in told.timed()) == ROUNDS


def test_a_budget_never_ends_within_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10**6))
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    monkeypatch.setattr("bench.running.pairing.turns.time", clock)
    monkeypatch.setattr("bench.running.work.time", clock)
    told = execute([both(name) for name in "abcd"], budget_s=90)
    assert told.ended_by == "budget"
    timed = told.timed()
    assert 0 < len(timed) < 2 * 4 * ROUNDS
    assert len(timed) % 2 == 0
    assert all(a[1:] == b[1:] for a, b in list(pairwise(timed))[::2])


def timed_run(*cases: Case, seconds: float = 1.0, flags: tuple[str, ...] = ()) -> Run:
    """Return a run in which every case took a little more in each round."""
    environment = Session("2026-01-01T00:00:00+00:00", {})
    manifest = Manifest([], "smoke", "cpu", 1, 0.1, [ROUNDS], list(cases), pairing="an-ab")
    run = Run(ROOT, replace(manifest, sessions=[environment]))
    for c in cases:
        for number in range(ROUNDS):
            slower = seconds if c.variant == "changed" else 1.0
            time = Measurement("time", "s", [slower * (1 + 0.01 * number)])
            run.attempts.append(
                Attempt(c.id, "time", 0, number, "ok", measurements=[time], flags=list(flags))
            )
    return run


def test_what_looks_changed_is_a_suspect() -> None:
    pairs = [both("changed"), both("a")]
    cases = [p.a for p in pairs if p.a]
    runs = (timed_run(*cases), timed_run(*cases, seconds=1.1))
    assert find_suspects(runs, pairs) == pairs[:1]


def test_what_no_fresh_pair_can_settle_is_no_suspect() -> None:
    pairs = [both("changed")]
    for flag, suspects in (("oversubscribed", []), ("contended", pairs)):
        runs = (
            timed_run(case("changed"), flags=(flag,)),
            timed_run(case("changed"), seconds=1.1),
        )
        assert find_suspects(runs, pairs) == suspects
