"""How long an attempt may take: the timeout, and for a quality what its own calls come to."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Case, Role
from bench.running.attempts import Attempts
from bench.running.limits import LONGEST_S, limit_s
from bench.running.step import Step
from bench.sides.side import Side
from bench.store import Manifest, Run, Session, create

CASE = Case("s", "v", "m", "P", {"n": 1}, quality_seeds=2)


@pytest.mark.parametrize(
    ("role", "calls", "call_s", "left_s", "limit"),
    [
        ("check", 100, 9.0, 9e9, 120.0),
        ("memory", 100, 9.0, 9e9, 120.0),
        ("time", 100, 9.0, 9e9, 120.0),
        ("quality", 100, 0.01, 9e9, 120.0),  # ten times a second is less than may be taken anyway
        ("quality", 1000, 0.25, 9e9, 2500.0),
        ("quality", 1000, 0.25, 300.0, 300.0),  # of a budget no more than is left
        ("quality", 1000, 0.25, -5.0, 120.0),
        ("quality", 0, 9.0, 9e9, 120.0),  # a problem that counts nothing
        ("quality", 1000, 0.0, 9e9, 120.0),  # a check of an earlier version
        ("quality", 10**9, 1e3, float("inf"), LONGEST_S),
    ],
)
def test_what_bounds_an_attempt(
    role: Role, calls: int, call_s: float, left_s: float, limit: float
) -> None:
    case = replace(CASE, quality_calls=calls)
    assert limit_s(case, role, 120.0, call_s, left_s) == limit


def begun(folder: Path, *cases: Case) -> Run:
    """Return a run of which nothing is measured yet."""
    session = Session("2026-01-01T00:00:00+00:00", {})
    asked = Manifest(["bench"], "smoke", "cpu", 0, 0.3, [5], list(cases), sessions=[session])
    return create(folder, replace(asked, timeout_s=5.0))


class Asked:
    """Servers that note what they are asked, and answer at once."""

    def __init__(self, **replies: dict[str, Any]):
        self.replies, self.limits = replies, []  # type: ignore[var-annotated]

    def attempt(self, case: Case, request: dict[str, Any]) -> dict[str, Any]:
        self.limits.append((request["role"], request["timeout_s"]))
        return {"outcome": "ok", **self.replies.get(request["role"], {})}


def test_a_quality_is_asked_with_the_limit_of_its_own_check(tmp_path: Path) -> None:
    case = replace(CASE, quality_calls=40)
    run = begun(tmp_path, case)
    attempts, servers = Attempts(run, Side()), Asked(check={"call_s": 0.5})
    for role in ("check", "memory", "quality"):
        attempts.make(servers, Step(case, role, 0))  # type: ignore[arg-type]
    assert servers.limits == [("check", 5.0), ("memory", 5.0), ("quality", 200.0)]
    attempts.deadline = time.monotonic() + 60
    attempts.make(servers, Step(case, "quality", 1))  # type: ignore[arg-type]
    assert 50 < servers.limits[-1][1] <= 60


def test_after_a_quality_that_failed_the_case_goes_on_and_its_quality_does_not(
    tmp_path: Path,
) -> None:
    case, other = CASE, replace(CASE, variant="w")
    run = begun(tmp_path, case, other)
    attempts = Attempts(run, Side())
    servers = Asked(quality={"outcome": "crash", "detail": "died"})
    attempts.make(servers, Step(case, "quality", 0))  # type: ignore[arg-type]
    attempts.make(Asked(time={"outcome": "error"}), Step(other, "time", 0))  # type: ignore[arg-type]
    for of in (attempts, Attempts(run, Side())):  # and so it is when the run is resumed
        assert of.goes_on(case, "time")
        assert not of.goes_on(case, "quality")
        assert not of.goes_on(other, "time")
        assert not of.goes_on(other, "quality")
