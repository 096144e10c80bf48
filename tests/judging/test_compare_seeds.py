"""Qualities by seed, with p that are known: t of one degree of freedom is Cauchy's."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.judging.comparing import quality
from bench.judging.comparing.row import Row
from tests.judging.made_pairs import compared, paired, row_of
from tests.made_runs import Made, make


def judged(folder: Path, name: str, base: list[float], new: list[float]) -> Row:
    sides = ([Made("v", None, quality={name: values})] for values in (base, new))
    return row_of(paired(folder, *sides), "v", name)


def test_two_seeds_have_the_p_of_cauchys_distribution(tmp_path: Path) -> None:
    """Differences of .1 and .3 have a mean of .2 with a standard error of .1."""
    row = judged(tmp_path, "loss_gap", [1.0, 2.0], [1.1, 2.3])
    assert row.p_value == pytest.approx(1 - 2 / math.pi * math.atan(2.0))
    assert (row.base, row.new, row.unit) == (1.5, pytest.approx(1.7), "nat")
    assert row.difference is not None
    assert row.difference.estimate == pytest.approx(0.2)
    assert row.difference.high == pytest.approx(0.2 + 0.1 * 12.7062, rel=1e-5)
    assert row.verdict == "unclear"


@pytest.mark.parametrize(
    ("base", "new", "verdict", "p_value"),
    [
        ([1.0, 2.0], [1.5, 2.5], "worse", 0.0),  # nothing scatters: any difference is one
        ([1.0, 2.0], [0.5, 1.5], "better", 0.0),
        ([1.0, 2.0], [1.0, 2.0], "same", 1.0),
        ([100.0, 100.0], [101.0, 101.0], "same", 0.0),  # by no more than a hundredth of BASE's
        ([100.0, 100.0], [99.0, 99.0], "same", 0.0),
        ([100.0, 100.0], [101.25, 101.25], "worse", 0.0),
        ([100.0, 100.0], [98.75, 98.75], "better", 0.0),
    ],
)
def test_seeds_that_agree_exactly(
    tmp_path: Path, base: list[float], new: list[float], verdict: str, p_value: float
) -> None:
    row = judged(tmp_path, "fid", base, new)
    assert (row.verdict, row.p_value) == (verdict, p_value)


@pytest.mark.parametrize("values", [[0.0], [1e6]])
def test_what_only_rounding_moved_is_the_same_by_one_seed(
    tmp_path: Path, values: list[float]
) -> None:
    moved = [value * (1 + 0.9e-6) for value in values]
    assert judged(tmp_path / "same", "skipped_steps", values, values).verdict == "same"
    assert judged(tmp_path / "moved", "skipped_steps", values, moved).verdict == "same"
    more = [value * (1 + 1.1e-6) + 1e-9 for value in values]
    assert judged(tmp_path / "more", "skipped_steps", values, more).verdict == "unclear"


def test_a_p_at_the_level_is_no_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, new = [1.0, 2.0, 3.0], [1.5, 2.5, 3.501]
    row = judged(tmp_path / "below", "fid", base, new)
    assert row.verdict == "worse"
    monkeypatch.setattr(quality, "ALARM", row.p_value)
    assert judged(tmp_path / "at", "fid", base, new).verdict == "unclear"


def test_a_quality_of_one_side_has_a_mean_there(tmp_path: Path) -> None:
    added = judged(tmp_path / "added", "fid", [], [1.0, 2.0])
    assert (added.verdict, added.base, added.new) == ("added", None, 1.5)
    removed = judged(tmp_path / "removed", "fid", [1.0, 2.0], [])
    assert (removed.verdict, removed.base, removed.new) == ("removed", 1.5, None)
    assert (removed.p_value, removed.difference) == (None, None)


def test_a_forced_comparison_names_the_first_of_its_differences(tmp_path: Path) -> None:
    base = make(tmp_path / "base", [Made("v", None, quality={"fid": [1.0, 2.0]})])
    new = make(
        tmp_path / "new",
        [Made("v", None, quality={"fid": [2.0, 3.0]})],
        environment={"machine_id": "another"},
        device="cuda:0",
    )
    found = compared(base, new, force=True)
    first, *others = found.versus.void
    assert others
    row = row_of(found, "v", "fid")
    assert (row.verdict, row.why) == ("unclear", f"forced: {first}")
