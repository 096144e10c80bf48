"""Folding: attempts become one record a case; seeds, ranks and cases that are never timed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench.cases.case import Attempt, Case, Measurement, Outcome, Role
from bench.judging.mean import estimate_mean
from bench.judging.record import PENDING, fold, fold_case
from bench.machine.ceilings import Roofline
from bench.store import Manifest, Run, Session

CASE = Case("s", "v", "m", "P", {"n": 1}, quality_seeds=2)


def attempt(role: Role, number: int, *found: Measurement, outcome: Outcome = "ok") -> Attempt:
    return Attempt(CASE.id, role, 0, number, outcome, measurements=list(found))


def one(quantity: str, value: float, unit: str = "1", rank: int | None = None) -> Measurement:
    return Measurement(quantity, unit, [value], rank)


PREPARED = [
    attempt("check", 0, one("out_error_l2", 1e-7)),
    attempt("memory", 0, one("peak", 64, "bytes")),
    attempt("quality", 0, one("fd", -1.0), Measurement("loss", "1", [3.0, 2.0])),
    attempt("quality", 1, one("fd", 3.0), Measurement("loss", "1", [3.5, 2.5, 2.0])),
]


def test_quality_is_kept_per_seed() -> None:
    record = fold_case(CASE, [*PREPARED, attempt("time", 0, one("time", 0.5, "s"))])
    assert record.trajectories["loss"] == {0: [3.0, 2.0], 1: [3.5, 2.5, 2.0]}
    found = record.quality_of("fd")
    assert found is not None
    assert (found.estimate, found.count) == (1.0, 2)
    assert found.low is not None
    # t at 97.5 % with one degree of freedom is 12.706; the standard error of (-1, 3) is 2
    assert found.low == pytest.approx(1.0 - 12.7062 * 2.0, rel=1e-5)
    assert record.quality_of("loss") is None
    assert record.quality_of("unheard of") is None
    assert "fd" not in record.values
    assert record.units == {
        "out_error_l2": "1",
        "peak": "bytes",
        "fd": "1",
        "loss": "1",
        "time": "s",
    }


def test_one_seed_has_no_interval_and_equal_seeds_have_no_width() -> None:
    alone = estimate_mean([0.0])
    assert (alone.estimate, alone.low, alone.high) == (0.0, None, None)
    same = estimate_mean([-2.5, -2.5, -2.5])
    assert (same.estimate, same.low, same.high) == (-2.5, -2.5, -2.5)


def test_what_a_rank_measured_stays_apart() -> None:
    times = [one("time", 1.0, "s", rank=0), Measurement("time", "s", [4.0, 3.0, 2.0], rank=1)]
    memory = attempt("memory", 0, one("held", 8, "bytes", rank=1), one("held", 9, "bytes"))
    record = fold_case(CASE, [memory, attempt("time", 0, one("time", 4.0, "s"), *times)])
    assert record.samples["time"] == {(0, 0): [[4.0]]}
    assert record.by_rank == {"held": {1: [8.0]}, "time": {0: [1.0], 1: [3.0]}}
    assert record.values == {"held": 9.0}


def test_a_case_that_is_never_timed_is_ok_once_prepared() -> None:
    untimed = dataclasses.replace(CASE, rounds=0)
    record = fold_case(untimed, PREPARED)
    assert record.outcome == "ok"
    assert not record.ranked
    assert record.interval_of() is None
    for missing in range(len(PREPARED)):
        rest = [a for number, a in enumerate(PREPARED) if number != missing]
        assert fold_case(untimed, rest).outcome == PENDING
    assert fold_case(CASE, PREPARED).outcome == PENDING


FAILED = dataclasses.replace(PREPARED[3], outcome="crash", measurements=[], detail="why")


@pytest.mark.parametrize("seeds", [[PREPARED[2], FAILED], [dataclasses.replace(FAILED, round=0)]])
@pytest.mark.parametrize("rounds", [0, None])
def test_a_failed_seed_costs_the_quality_alone(seeds: list[Attempt], rounds: int | None) -> None:
    case = dataclasses.replace(CASE, rounds=rounds)
    timed = [] if rounds == 0 else [attempt("time", 0, one("time", 0.5, "s"))]
    record = fold_case(case, [*PREPARED[:2], *seeds, *timed])
    assert (record.outcome, record.detail, record.failed_in) == ("ok", "", "")
    assert (record.quality_outcome, record.quality_detail) == ("crash", "why")
    assert record.trajectories.get("fd", {}) == ({0: [-1.0]} if len(seeds) > 1 else {})
    assert record.values["peak"] == 64
    assert record.ranked == bool(timed)


def test_a_quality_that_was_not_asked_has_no_outcome() -> None:
    assert fold_case(CASE, PREPARED[:2]).quality_outcome == ""
    assert fold_case(CASE, PREPARED).quality_outcome == "ok"


@pytest.mark.parametrize(
    ("ended_by", "outcome", "failed_in"),
    [("finished", "crash", "quality"), ("budget", PENDING, ""), ("", PENDING, "")],
)
def test_where_a_failed_quality_ended_the_case_it_still_does(
    tmp_path: Path, ended_by: str, outcome: str, failed_in: str
) -> None:
    """Earlier versions went no further with such a case; their runs say so."""
    session = Session("2026-01-01T00:00:00+00:00", {}, ended_by=ended_by)
    manifest = Manifest(["bench"], "smoke", "cpu", 0, 0.3, [5], [CASE], sessions=[session])
    (record,) = fold(Run(tmp_path, manifest, [*PREPARED[:3], FAILED]))
    assert (record.outcome, record.failed_in) == (outcome, failed_in)
    assert "peak" not in record.values


@pytest.mark.parametrize("role", ["check", "time"])
def test_one_attempt_in_another_setting_bars_the_record(role: Role) -> None:
    timed = [attempt("time", number, one("time", 0.5, "s")) for number in range(5)]
    every = [*PREPARED, *timed]
    chosen = next(a for a in every if a.role == role)
    other = dataclasses.replace(chosen, flags=["other_setting"], detail="threads=2 where 1 was")
    record = fold_case(CASE, [other if a is chosen else a for a in every])
    assert (record.outcome, record.flags) == ("ok", ["other_setting"])
    assert record.detail == "threads=2 where 1 was"
    assert not record.ranked


@pytest.mark.parametrize(
    ("flagged", "timed", "kept"),
    [(2, 4, True), (1, 4, False), (1, 3, False), (2, 3, True), (1, 2, True), (4, 4, True)],
)
def test_a_flag_of_at_least_half_of_the_rounds_stays(flagged: int, timed: int, kept: bool) -> None:
    found = [attempt("time", number, one("time", 0.5, "s")) for number in range(timed)]
    found[:flagged] = [dataclasses.replace(a, flags=["busy", "busy"]) for a in found[:flagged]]
    record = fold_case(CASE, [*PREPARED, *found])
    assert record.flags == (["busy"] if kept else [])
    assert record.ranked is not kept


def test_rounds_by_two_clocks_are_flagged_and_both_are_named() -> None:
    timed = [attempt("time", number, one("time", 0.5, "s")) for number in range(3)]
    clocks = [
        dataclasses.replace(a, labels={"clock": clock, "bound": "launch"})
        for a, clock in zip(timed, ("wall", "events", "wall"), strict=True)
    ]
    record = fold_case(CASE, [*PREPARED, *clocks])
    assert record.flags == ["mixed_clocks"]
    assert record.labels == {"clock": "events/wall", "bound": "launch"}
    assert fold_case(CASE, [*PREPARED, *clocks[::2]]).flags == []


def test_a_case_twice_as_slow_as_can_be_is_at_half_of_its_roofline() -> None:
    timed = [attempt("time", number, one("time", 0.5, "s")) for number in range(3)]
    record = fold_case(CASE, timed)
    assert record.roofline_share is None
    best = Roofline(bound_s=0.25, limit="memory", error=0.1)
    assert dataclasses.replace(record, roofline=best).roofline_share == pytest.approx(0.5)
    assert dataclasses.replace(fold_case(CASE, []), roofline=best).roofline_share is None


def test_what_was_counted_last_counts() -> None:
    def memory(number: int, *found: float) -> Attempt:
        own = Measurement("held", "bytes", list(found), rank=0)
        return attempt("memory", number, own, Measurement("peak", "bytes", list(found)))

    timed = attempt("time", 0, one("time", 0.5, "s"))
    record = fold_case(CASE, [memory(0, 2.0, 1.0), memory(1, 4.0, 3.0), timed])
    assert record.by_rank == {"held": {0: [1.0, 3.0]}}
    assert record.figures_of_ranks("held") == [3.0]
    assert record.values == {"peak": 3.0}


def test_a_wrong_result_keeps_its_errors_and_quality_and_loses_its_costs() -> None:
    wrong = dataclasses.replace(PREPARED[0], outcome="incorrect", detail="off")
    record = fold_case(CASE, [PREPARED[1], wrong, *PREPARED[2:]])
    assert (record.outcome, record.failed_in, record.detail) == ("incorrect", "check", "off")
    assert record.values == {"out_error_l2": 1e-7}
    assert set(record.trajectories) == {"fd", "loss"}


def test_a_seed_that_failed_without_a_word_ends_the_seeds_too() -> None:
    untimed = dataclasses.replace(CASE, rounds=0)
    silent = dataclasses.replace(FAILED, detail="", round=0)
    assert fold_case(untimed, [*PREPARED[:2], silent]).outcome == "ok"


@pytest.mark.parametrize("outcome", ["ok", "timeout"])
def test_a_profile_says_nothing_of_a_case(outcome: Outcome) -> None:
    timed = [*PREPARED, attempt("time", 0, one("time", 0.5, "s"))]
    profiled = dataclasses.replace(
        attempt("profile", 0, outcome=outcome), labels={"x": "y"}, flags=["other_setting"]
    )
    assert fold_case(CASE, [*timed, profiled]) == fold_case(CASE, timed)
