"""Quantities measured once: their ratio, errors that say nothing, and what a force leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.judging.comparing.once import HALF_ROUNDING, direction
from bench.judging.statistics import Interval
from tests.judging.made_pairs import compared, paired, row_of
from tests.made_runs import Made, make


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_half_a_rounding_is_that_of_the_type(dtype: str) -> None:
    """A result is rounded to the nearest: by half of the distance of two numbers at most."""
    most = torch.finfo(getattr(torch, dtype)).eps / 2
    assert HALF_ROUNDING[dtype] == most / 2


@pytest.mark.parametrize(
    ("dtype", "base", "new", "verdict"),
    [
        ("float32", 2.0**-40, 2.0**-26, "same"),  # both below half a rounding
        ("float32", 2.0**-40, 2.0**-24, "worse"),
        ("float32", 2.0**-24, 2.0**-40, "better"),
        ("of_its_own", 2.0**-40, 2.0**-39, "worse"),  # no rounding is known of it
    ],
)
def test_errors_below_half_a_rounding_say_nothing(
    tmp_path: Path, dtype: str, base: float, new: float, verdict: str
) -> None:
    sides = ([Made("v", dtype=dtype, values={"out_error_l2": v})] for v in (base, new))
    assert row_of(paired(tmp_path, *sides), "v", "out_error_l2").verdict == verdict


@pytest.mark.parametrize(
    ("base", "new", "ratio"), [(4.0, 8.0, 2.0), (0.5, 1.0, 2.0), (3.0, 0.0, 0)]
)
def test_the_ratio_of_one_measurement_has_no_interval(
    tmp_path: Path, base: float, new: float, ratio: float
) -> None:
    sides = ([Made("v", values={"peak": v})] for v in (base, new))
    row = row_of(paired(tmp_path, *sides), "v", "peak")
    assert row.ratio == Interval(ratio, None, None, 1, 1)
    assert (row.base, row.new) == (base, new)


def test_nothing_has_no_ratio_to_anything(tmp_path: Path) -> None:
    sides = ([Made("v", values={"peak": v})] for v in (0.0, 8.0))
    row = row_of(paired(tmp_path, *sides), "v", "peak")
    assert (row.ratio, row.verdict) == (None, "worse")


def test_why_memory_was_not_counted_is_said_of_missing_memory_alone(tmp_path: Path) -> None:
    labels = {"clock": "monotonic", "memory_not_counted": "no counter"}
    more = [Made("v", values={"peak": 2e6, "nfe": 3.0, "activations": 5e6}, labels=labels)]
    found = paired(tmp_path, [Made("v", values={"peak": 1e6}, labels=labels)], more)
    assert row_of(found, "v", "peak").why == ""
    assert row_of(found, "v", "nfe").why == "not measured in BASE"
    assert row_of(found, "v", "activations").why == "not measured in BASE: no counter"


def test_forced_bytes_are_judged_and_errors_are_not(tmp_path: Path) -> None:
    values = {"peak": 1e6, "out_error_l2": 1e-7}
    base = make(tmp_path / "base", [Made("v", values=values)])
    more = {name: 2 * value for name, value in values.items()}
    there = {"environment": {"machine_id": "another"}, "device": "cuda:0"}
    found = compared(base, make(tmp_path / "new", [Made("v", values=more)], **there), force=True)
    first, *others = found.versus.void
    assert others
    assert row_of(found, "v", "peak").verdict == "worse"
    error = row_of(found, "v", "out_error_l2")
    assert (error.verdict, error.why) == ("unclear", f"forced: {first}")


@pytest.mark.parametrize(
    ("base", "new", "tolerance", "word"),
    [
        (100.0, 150.0, 0.5, "same"),
        (100.0, 151.0, 0.5, "worse"),
        (150.0, 100.0, 0.5, "same"),
        (151.0, 100.0, 0.5, "better"),
        (0.0, 0.0, 0.0, "same"),
    ],
)
def test_a_tolerance_is_a_factor_either_way(
    base: float, new: float, tolerance: float, word: str
) -> None:
    assert direction(base, new, tolerance) == word
    turned = {"worse": "better", "better": "worse", "same": "same"}
    assert direction(base, new, tolerance, more_is_better=True) == turned[word]
