"""An explanation names the call that slowed, where an operator runs several times a step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from bench.profiling.aligned import Changed
from reports.explanation.calls import which
from tests.explanation.test_planted_causes import explained
from tests.explanation.test_weighing import sides
from tests.profiling.made_traces import Plain, event, named, product


def network(*durations: float, k: Sequence[int] = ()) -> list[Plain]:
    """Return a step of products one after another, of shapes (8, k) and (k, 4)."""
    events: list[Plain] = []
    start = 0.0
    for place, dur in enumerate(durations):
        events.append(product(start, dur, k=k[place] if k else 16))
        start += dur
    return [named("step", 0, start), *events]


def test_the_third_of_six_is_named(tmp_path: Path) -> None:
    base, new = [20.0] * 6, [20.0] * 6
    new[2] = 80
    traces = network(*base), network(*new)
    found = explained(tmp_path, *sides(120, 180), traces, phases=[])
    words = "aten::mm (forward) 120 µs → 180 µs a step: the 3rd of 6 calls (8×16 16×4)"
    assert found.causes[0].words == words
    assert found.causes[0].share == pytest.approx(1, abs=0.1)


def test_no_call_is_named_where_all_slowed(tmp_path: Path) -> None:
    traces = network(*[20.0] * 6), network(*[30.0] * 6)
    found = explained(tmp_path, *sides(120, 180), traces, phases=[])
    assert "calls" not in found.causes[0].words
    assert found.causes[0].words.startswith("aten::mm (forward) 120 µs → 180 µs a step")


def test_a_call_that_came_is_named(tmp_path: Path) -> None:
    shapes = [1, 2, 3, 4]
    traces = network(20, 20, 20, 20, k=shapes), network(20, 20, 60, 20, 20, k=[1, 2, 9, 3, 4])
    found = explained(tmp_path, *sides(80, 140), traces, phases=[])
    assert found.causes[0].words.startswith("aten::mm (forward) 80 µs → ")
    told = "+1 call: the 3rd of 5 calls (8×9 9×4), which came"
    assert found.causes[0].words.endswith(told)


def test_where_all_came_or_went_none_is_singled_out(tmp_path: Path) -> None:
    other = event("aten::mul", 0, 100, Input_Dims=[[8, 8]], Input_type=["float"])
    without = [named("step", 0, 100), other]
    with_two = [named("step", 0, 200), other, product(100, 20), product(120, 80)]
    came = explained(tmp_path / "came", *sides(100, 200), (without, with_two), phases=[])
    went = explained(tmp_path / "went", *sides(200, 100), (with_two, without), phases=[])
    for found, does in ((came, "came"), (went, "went")):
        assert found.causes[0].words.endswith(f"all 2 calls (8×16 16×4) {does}"), does


def calls(*changes: float) -> list[Changed]:
    return [Changed(n, len(changes), f"{n}", change) for n, change in enumerate(changes, 1)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((), ""),
        ((5.0,), ""),
        ((5.0, 0.0), "the 1st of 2 calls (1)"),
        ((5.0, 4.0), ""),
        ((-5.0, 0.1, 0.1), "the 1st of 3 calls (1)"),
        ((0.0, 0.0, 0.0), ""),
        ((5.0, 5.0, 0.0, 0.0), ""),
        ((5.0, 0, 5.0, 0, 0), "the 1st of 5 calls (1) and the 3rd of 5 calls (3)"),
        ((*[0.1] * 11, 30.0), "the 12th of 12 calls (12)"),
        ((*[0.1] * 21, 30.0), "the 22nd of 22 calls (22)"),
        ([1.0] * 9, ""),
    ],
)
def test_few_calls_are_named_and_many_are_not(changes: Sequence[float], expected: str) -> None:
    assert which(calls(*changes)) == expected


def test_calls_of_one_shape_are_named_together() -> None:
    changed = [Changed(n, 6, "8×8", 5.0 * (n in (2, 4))) for n in range(1, 7)]
    assert which(changed) == "the 2nd and 4th of 6 calls (8×8)"


Sorts = Sequence[tuple[str, Literal["stayed", "came", "went"]]]


@pytest.mark.parametrize(
    ("sorts", "expected"),
    [
        ([("8×8", "came")], ""),  # said by +1 call
        ([("8×8", "came")] * 2, "all 2 calls (8×8) came"),
        ([("", "went")] * 3, "all 3 calls went"),
        ([("8×8", "came"), ("8×9", "came")], "all 2 calls came"),
        ([("8×9", "came"), ("8×8", "went")], "the one call (8×8) went and the one call (8×9) came"),
        ([("9", "came"), *[("8", "went")] * 2], "all 2 calls (8) went and the one call (9) came"),
        ([("8×8", "stayed"), ("8×9", "came")], "the 1st of 2 calls (8×8)"),
        ([("8×8", "came"), ("8×9", "stayed")], "the 1st of 2 calls (8×8), which came"),
    ],
)
def test_all_that_came_or_went_are_told_at_once(sorts: Sorts, expected: str) -> None:
    changed: list[Changed] = []
    for number, (shapes, sort) in enumerate(sorts, 1):
        of = len(sorts) if sort != "went" else sum(own == "went" for _, own in sorts)
        changed.append(Changed(number, of, shapes, 9.0 / number**3, sort))
    assert which(changed) == expected
