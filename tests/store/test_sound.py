"""What one attempt can have left, at the edges of what is believed."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.cases.case import Attempt, Measurement
from bench.store.sound import complaint, sound
from tests.store.written_runs import attempt

INF, NAN = math.inf, math.nan
LARGEST, SMALLEST = 1e100, 1e-150


def said(quantity: str, unit: str, *samples: float) -> str:
    """Return what is said of one quantity that a check left: there, no time is asked for."""
    measured = [Measurement(quantity, unit, list(samples))]
    return complaint(attempt(role="check", measurements=measured))


def timed(*found: Measurement, outcome: str = "ok") -> Attempt:
    return attempt(measurements=list(found), outcome=outcome)


@pytest.mark.parametrize(
    ("quantity", "unit", "samples"),
    [
        ("time", "s", [0.5]),
        ("time", "s", [1e-12, 1e9]),
        ("first_call", "s", [0.0]),
        ("first_call", "s", [2.0, 0.0, 1e9]),
        ("loss", "1", [-5.0, 0.0, 2e9]),
        ("loss", "1", [SMALLEST, -SMALLEST, LARGEST, -LARGEST]),
    ],
)
def test_what_can_be_measured_is_sound(quantity: str, unit: str, samples: list[float]) -> None:
    assert said(quantity, unit, *samples) == ""


@pytest.mark.parametrize(
    ("quantity", "unit", "samples", "complaint"),
    [
        ("loss", "1", [], "loss: expected finite samples, got None to None"),
        ("loss", "1", [NAN], "loss: expected finite samples, got nan to nan"),
        ("loss", "1", [1.0, INF], "loss: expected finite samples, got 1.0 to inf"),
        ("loss", "1", [1.0, -INF], "loss: expected finite samples, got -inf to 1.0"),
        ("time", "s", [1.0, 0.0], "time: expected samples above 0, got 0.0"),
        ("time", "s", [-0.5], "time: expected samples above 0, got -0.5"),
        ("time", "s", [9.9e-13], "time: expected at least 1e-12 s, got 9.9e-13"),
        ("time", "ms", [1.0], "time: expected seconds, got unit 'ms'"),
        ("first_call_uncached", "1", [1.0], "first_call_uncached: expected seconds, got unit '1'"),
        ("forward", "s", [-1e-9], "forward: expected from 0 to 1e+09 s, got -1e-09 to -1e-09"),
        ("forward", "s", [1.0, 1e9 + 0.5], "forward: expected from 0 to 1e+09 s"),
        ("loss", "1", [1.1 * LARGEST], "loss: expected 0 or 1e-150 to 1e+100"),
        ("loss", "1", [1.0, -1.1 * LARGEST], "loss: expected 0 or 1e-150 to 1e+100"),
        ("loss", "1", [0.9 * SMALLEST], "loss: expected 0 or 1e-150 to 1e+100"),
        ("loss", "1", [1.0, -0.9 * SMALLEST], "loss: expected 0 or 1e-150 to 1e+100"),
    ],
)
def test_what_cannot_be_measured_is_told(
    quantity: str, unit: str, samples: list[float], complaint: str
) -> None:
    assert said(quantity, unit, *samples).startswith(complaint)


def test_a_quantity_is_there_once_for_a_rank() -> None:
    held = [Measurement("held", "bytes", [1.0], rank) for rank in (None, 0, 1)]
    assert complaint(attempt(role="memory", measurements=held)) == ""
    for again in held:
        found = complaint(attempt(role="memory", measurements=[*held, again]))
        assert found == "held: expected once in an attempt, got 2 times"


@pytest.mark.parametrize("bound", [INF, NAN])
def test_tolerances_are_finite(bound: float) -> None:
    assert complaint(attempt(tolerances=[(0.0, 1.0)])) == ""
    assert complaint(attempt(tolerances=[(0.0, 1.0), (0.0, bound)])) == "expected finite tolerances"


TIME = Measurement("time", "s", [1.0, 2.0])


@pytest.mark.parametrize(
    "found",
    [
        timed(TIME, Measurement("forward", "s", [0.5, 0.5])),
        timed(TIME, Measurement("first_call", "s", [9.0])),
        timed(TIME, Measurement("held", "bytes", [9.0])),
        timed(TIME, Measurement("forward", "s", [0.5], rank=1)),
        timed(outcome="timeout"),
        timed(Measurement("forward", "s", [0.5]), outcome="timeout"),
        attempt(role="memory", measurements=[]),
    ],
)
def test_phases_are_of_every_call_and_all_else_need_not_be(found: Attempt) -> None:
    assert complaint(found) == ""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (timed(), "expected samples of time in an ok attempt, got none"),
        (timed(replace(TIME, rank=0)), "expected samples of time in an ok attempt, got none"),
        (
            timed(TIME, Measurement("forward", "s", [0.5])),
            "forward: expected a sample of every call, 2, got 1",
        ),
        (
            timed(TIME, Measurement("forward", "s", [0.5]), outcome="timeout"),
            "forward: expected a sample of every call, 2, got 1",
        ),
    ],
)
def test_phases_of_fewer_calls_are_told(found: Attempt, expected: str) -> None:
    assert complaint(found) == expected


def test_what_is_not_sound_is_written_as_an_error_without_its_numbers() -> None:
    made = attempt(3, tolerances=[(0.0, 1.0)], fingerprints=[[[1.0]]])
    assert sound(made) is made
    wrong = replace(made, measurements=[replace(TIME, samples=[1.0, NAN])])
    expected = replace(made, outcome="error", measurements=[], tolerances=[], fingerprints=[])
    detail = "time: expected finite samples, got 1.0 to 1.0"
    assert sound(wrong) == replace(expected, detail=detail)
