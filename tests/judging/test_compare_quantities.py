"""How each quantity is judged, and comparisons of what is measured once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.judging.comparing.once import direction
from bench.judging.comparing.quantities import DEFAULT_GATE, QUANTITIES, judged_how
from tests.judging.made_pairs import compared, row_of
from tests.made_runs import Made, make


@pytest.mark.parametrize(
    ("name", "unit", "by", "group"),
    [
        ("time", "s", "rounds", "time"),
        ("first_call_uncached", "s", "sample", "compile"),
        ("peak", "bytes", "exact", "memory"),
        ("activations", "bytes", "exact", "memory"),
        ("optimizer_state_paper", "bytes", "nothing", ""),
        ("resident_growth", "bytes", "sample", "growth"),
        ("wire", "bytes", "exact", "counts"),
        ("all_gather_elements", "1", "exact", "counts"),
        ("traffic_paper_elements", "1", "nothing", ""),
        ("out_error_l2", "1", "error", "errors"),
        ("out_error_over_budget", "1", "nothing", ""),
        ("fd_digits_cnn", "1", "seeds", "quality"),
        ("fid_clean", "1", "seeds", "quality"),
        ("fd_n", "1", "nothing", ""),
        ("fd_digits_cnn_floor", "1", "nothing", ""),
        ("recall", "1", "seeds", "quality"),
        ("forward", "s", "nothing", ""),
        ("whatever", "1", "nothing", ""),
    ],
)
def test_how_a_quantity_is_judged(name: str, unit: str, by: str, group: str) -> None:
    found = judged_how(name, unit)
    assert (found.by, found.group) == (by, group)


def test_the_most_special_pattern_comes_first() -> None:
    for number, quantity in enumerate(QUANTITIES):
        name = quantity.pattern.replace("*", "x")
        assert judged_how(name, quantity.unit) is QUANTITIES[number], quantity.pattern


@pytest.mark.parametrize(
    ("quantity", "base", "new", "verdict"),
    [
        ("peak", 1e6, 1.0005e6, "same"),
        ("peak", 1e6, 1.01e6, "worse"),
        ("peak", 1e6, 0.9e6, "better"),
        ("peak", 0.0, 64.0, "worse"),
        ("peak", 0.0, 0.0, "same"),
        ("nfe", 20.0, 21.0, "worse"),
        ("traffic_elements", 1e6, 1e6 - 1, "better"),
        ("out_error_l2", 2e-7, 2.1e-7, "same"),
        ("out_error_l2", 2e-7, 2.5e-7, "worse"),
        ("out_error_max", 2e-7, 2.5e-7, "same"),
        ("out_error_max", 2e-7, 4e-7, "worse"),
        ("out_error_l2", 2e-7, 1e-7, "better"),
        ("out_error_l2", 1e-12, 1e-9, "same"),  # both below half a rounding of float32
        ("out_error_l2", 0.0, 1e-7, "worse"),
        ("resident_growth", 1e6, 5e6, "unclear"),
    ],
)
def test_what_is_measured_once(
    tmp_path: Path, quantity: str, base: float, new: float, verdict: str
) -> None:
    a = make(tmp_path / "a", [Made("v", None, values={quantity: base})])
    b = make(tmp_path / "b", [Made("v", None, values={quantity: new})])
    assert row_of(compared(a, b), "v", quantity).verdict == verdict


def test_direction_knows_what_is_better() -> None:
    assert direction(1.0, 2.0, 0.1) == "worse"
    assert direction(1.0, 2.0, 0.1, more_is_better=True) == "better"
    assert direction(2.0, 1.0, 0.1, more_is_better=True) == "worse"


def test_a_quantity_of_one_side_is_added_or_removed_and_fails_nothing(tmp_path: Path) -> None:
    a = make(tmp_path / "a", [Made("v", None, values={"peak": 1.0})])
    b = make(tmp_path / "b", [Made("v", None, values={"wire": 1.0})])
    found = compared(a, b)
    assert row_of(found, "v", "peak").verdict == "removed"
    assert row_of(found, "v", "wire").verdict == "added"
    assert not found.regressions(DEFAULT_GATE)


def test_memory_counted_in_two_ways_is_unclear(tmp_path: Path) -> None:
    labels = [{"memory_counted_by": by} for by in ("allocator", "profiler")]
    a, b = (
        make(tmp_path / str(i), [Made("v", None, values={"peak": 1.0 + i}, labels=labels[i])])
        for i in (0, 1)
    )
    row = row_of(compared(a, b), "v", "peak")
    assert (row.verdict, row.why) == ("unclear", "counted by allocator, and by profiler")


def test_memory_that_could_not_be_counted_says_why(tmp_path: Path) -> None:
    a = make(tmp_path / "a", [Made("v", None, values={"peak": 1.0, "resident_growth": 1.0})])
    why = {"memory_not_counted": "malloc holds more"}
    b = make(tmp_path / "b", [Made("v", None, values={"resident_growth": 1.0}, labels=why)])
    row = row_of(compared(a, b), "v", "peak")
    assert (row.verdict, row.why) == ("removed", "not measured in NEW: malloc holds more")
