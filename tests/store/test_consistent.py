"""Whether the parts of a run belong together: at the edges of what one run can be."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from bench.cases.case import Attempt, Measurement
from bench.machine.ceilings.roofline import Ceilings
from bench.store import Manifest, Session
from bench.store.consistent import Lines, of_counts, of_manifest
from tests.store.written_runs import CASE, DAY, attempt, manifest

LONG = "v" * 200
NOISE = {"kinds": {"x": {"judged": "luck"}}}


def of(**changes: Any) -> list[str]:
    return list(of_manifest(manifest(**changes)))


def of_session(**changes: Any) -> list[str]:
    """Return what is said of a second session."""
    first = Session(DAY, {})
    return of(sessions=[first, dataclasses.replace(first, **changes)])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"checkpoints": [3, 5]},
        {"share_s": 0.5, "timeout_s": 0.5},
        {"sessions": []},
        {"git": {"commit": "1234abc", "dirty": True}},
    ],
)
def test_what_can_be_is_read(changes: dict[str, Any]) -> None:
    assert of(**changes) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"schema": 2}, "expected schema 1, got 2"),
        ({"cases": []}, "expected at least one checkpoint and one case, got none"),
        ({"checkpoints": []}, "expected at least one checkpoint and one case, got none"),
        ({"checkpoints": [5, 3]}, "expected checkpoints that increase, got [5, 3]"),
        ({"checkpoints": [5, 5]}, "expected checkpoints that increase, got [5, 5]"),
        (
            {"checkpoints": list(range(20, 0, -1))},
            "expected checkpoints that increase, got [20, 19, 18, 17, 16, 15, 14, 13, 12]",
        ),
        ({"share_s": 0.0}, "expected share_s and timeout_s above 0"),
        ({"timeout_s": 0.0}, "expected share_s and timeout_s above 0"),
        ({"git": {"a": 1 << 70}}, "git: expected whole numbers of 64 bits, got one of 71"),
        ({"cases": [CASE] * 2}, f"expected every case once, got '{CASE.id}' 2 times"),
        (
            {"cases": [dataclasses.replace(CASE, suite="")]},
            "expected a suite and a variant of every case, got an empty name",
        ),
        (
            {"cases": [dataclasses.replace(CASE, variant="")]},
            "expected a suite and a variant of every case, got an empty name",
        ),
    ],
)
def test_what_cannot_be_is_told(changes: dict[str, Any], complaint: str) -> None:
    assert of(**changes) == [complaint]


def test_a_long_name_is_told_by_its_beginning() -> None:
    long = dataclasses.replace(CASE, variant=LONG)
    assert of(cases=[long, long]) == [f"expected every case once, got '{long.id[:80]}' 2 times"]
    odd = dataclasses.replace(
        long, suite="attention", problem="SoftmaxAttention", values={"seqlen_q": None}
    )
    assert of(cases=[odd]) == [f"case '{odd.id[:80]}': seqlen_q: expected int, got null"]
    (unknown,) = said(attempt(case=long.id))
    assert unknown == f"expected a case of run.json, got '{long.id[:80]}'"


@pytest.mark.parametrize(
    "changes",
    [
        {"ended": "2026-01-31T12:00:00+00:00"},
        {"started": "2020-01-01T00:00:00+00:00"},
        {"started": "2200-12-31T23:00:00+00:00"},
        {"environment": {"machine_id": "m" * 64}},
        {"sampler": {"off": "no GPU"}, "noise": {"off": "never measured"}},
        {"ceilings": [Ceilings("cpu", 1), Ceilings("cpu", 2)]},
    ],
)
def test_what_a_session_can_be_is_read(changes: dict[str, Any]) -> None:
    assert of_session(**changes) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"started": "2019-12-31T23:00:00+00:00"}, "expected a date and time"),
        ({"started": "2201-01-01T00:00:00+00:00"}, "expected a date and time"),
        ({"ended": "now"}, "expected a date and time"),
        ({"environment": {"machine_id": 7}}, "environment: expected a machine_id"),
        ({"environment": {"machine_id": "m" * 65}}, "environment: expected a machine_id"),
        ({"environment": {"machine_id": "a/b"}}, "environment: expected a machine_id"),
        ({"environment": {"a": 1 << 70}}, "environment: expected whole numbers"),
        ({"sampler": {"period_s": 0}}, "not a valid sampler"),
        ({"noise": NOISE}, "not a valid noise"),
        ({"ceilings": [Ceilings("cpu", 1)] * 2}, "expected the ceilings of a device"),
    ],
)
def test_what_a_session_cannot_be_is_told_with_its_number(
    changes: dict[str, Any], complaint: str
) -> None:
    (found,) = of_session(**changes)
    assert found.startswith(f"session 2: {complaint}")


def said(*attempts: Attempt, of: Manifest | None = None, folder: str = "run") -> list[str]:
    """Return what is said of the last of these lines; of the others, nothing is."""
    lines = Lines(of or manifest(), folder)
    complaints = [list(lines.complaints(one, at)) for at, one in enumerate(attempts, 1)]
    assert not any(complaints[:-1])
    return complaints[-1]


TWO = manifest(sessions=[Session(DAY, {})] * 2)


@pytest.mark.parametrize(
    "again",
    [{"round": 1}, {"session": 1}, {"side": "B"}, {"process": 1}, {"case": manifest().cases[1].id}],
)
def test_a_round_is_timed_once_in_a_session_by_a_process_of_a_side(again: dict[str, Any]) -> None:
    first = attempt()
    assert said(first, dataclasses.replace(first, **again), of=TWO) == []
    expected = "the same case, time and round as line 1; expected one of them"
    assert said(first, first, of=TWO) == [expected]


@pytest.mark.parametrize("again", [{"session": 1}, {"side": "B"}, {"process": 1}])
def test_all_else_is_asked_once(again: dict[str, Any]) -> None:
    """A check of an earlier session holds in a later one."""
    first = attempt(role="check")
    (found,) = said(first, dataclasses.replace(first, **again), of=TWO)
    assert found.startswith("the same case, check and round as line 1")


def test_a_session_is_one_of_the_runs() -> None:
    assert said(attempt(session=1), of=TWO) == []
    assert said(attempt(session=2), of=TWO) == ["expected one of 2 sessions of run.json, got 2"]
    assert said(attempt(session=1)) == ["expected one of 1 sessions of run.json, got 1"]
    none = manifest(sessions=[])
    assert said(attempt(), of=none) == []
    assert said(attempt(session=1), of=none) == ["expected one of 0 sessions of run.json, got 1"]


def test_a_line_knows_when_it_was_begun_or_says_nothing() -> None:
    assert said(attempt(started=DAY)) == []
    (found,) = said(attempt(started="yesterday"))
    assert found.startswith("expected a date and time")


@pytest.mark.parametrize(
    ("pairing", "folder", "side", "fits"),
    [
        ("ab", "A", "A", True),
        ("ab", "A", "B", False),
        ("ab", "B", "A", False),
        ("ab", "A", "", True),
        ("ab", "elsewhere", "B", True),
        ("", "A", "B", True),
    ],
)
def test_a_side_is_its_folders(pairing: str, folder: str, side: str, fits: bool) -> None:
    found = said(attempt(side=side), of=manifest(pairing=pairing), folder=folder)
    expected = f"expected attempts of side {folder}, got one of {side}"
    assert found == ([] if fits else [expected])


def test_a_quantity_keeps_its_unit_within_a_case() -> None:
    first = attempt(measurements=[Measurement("held", "bytes", [1.0])])
    other = attempt(1, measurements=[Measurement("held", "1", [1.0])])
    assert said(first, dataclasses.replace(first, round=1)) == []
    assert said(first, dataclasses.replace(other, case=manifest().cases[1].id)) == []
    assert said(first, other) == ["held: expected the unit of before, 'bytes', got '1'"]


def test_a_rank_is_one_of_its_cases() -> None:
    two = dataclasses.replace(CASE, ranks=2)
    run = manifest(cases=[two])

    def by(rank: int | None) -> list[str]:
        measured = [Measurement("held", "bytes", [1.0], rank)]
        return said(attempt(case=two.id, measurements=measured), of=run)

    assert by(None) == by(0) == by(1) == []
    assert by(2) == ["held: expected one of 2 ranks, got 2"]


def test_a_session_that_ended_keeps_its_lines() -> None:
    """Counted from the first one on; of one that was killed nothing is known."""
    attempts = [attempt(), attempt(1), attempt(2, session=1)]

    def counted(*lines: int | None) -> list[str]:
        sessions = [Session(DAY, {}, lines=count) for count in lines]
        return list(of_counts(manifest(sessions=sessions), attempts))

    assert counted(2, 3) == counted(None, 3) == counted(2, None) == []
    assert [found.partition(", as")[0] for found in counted(1, 4)] == [
        "expected 1 lines up to the end of session 1",
        "expected 4 lines up to the end of session 2",
    ]
