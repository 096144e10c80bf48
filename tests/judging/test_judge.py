"""Verdicts of claims come from whole intervals."""

from __future__ import annotations

from bench.judging.judge import at_least, at_most, near, together
from bench.judging.mean import Mean


def found(low: float | None, high: float | None) -> Mean:
    return Mean(0.0, low, high, 5)


def test_an_interval_across_a_bound_cannot_tell() -> None:
    assert at_least(found(2.0, 3.0), 2.0) == "holds"
    assert at_least(found(1.0, 1.9), 2.0) == "fails"
    assert at_least(found(1.9, 2.1), 2.0) == "untested"
    assert at_most(found(1.0, 2.0), 2.0) == "holds"
    assert at_most(found(2.1, 3.0), 2.0) == "fails"
    assert at_most(found(1.9, 2.1), 2.0) == "untested"
    assert near(found(1.9, 2.1), 2.0, 0.25) == "holds"
    assert near(found(1.0, 1.5), 2.0, 0.25) == "fails"
    assert near(found(2.3, 2.5), 2.0, 0.25) == "fails"
    assert near(found(1.5, 2.5), 2.0, 0.25) == "untested"
    for judged in (at_least, at_most):
        assert judged(found(None, None), 2.0) == "untested"
    assert near(found(None, None), 2.0, 0.25) == "untested"


def test_one_failure_fails_and_nothing_tested_holds_nothing() -> None:
    assert together(["holds", "untested"]) == "holds"
    assert together(["holds", "fails", "untested"]) == "fails"
    assert together(["untested"]) == "untested"
    assert together([]) == "untested"
