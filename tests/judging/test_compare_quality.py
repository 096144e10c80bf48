"""Comparisons of quality: paired by seed, corrected over cases, and told where it failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.judging.comparing.comparison import exit_code
from tests.judging.made_pairs import compared, row_of
from tests.made_runs import Made, make


@pytest.mark.parametrize(
    ("name", "base", "new", "verdict"),
    [
        ("fid", [1.5, 1.6, 1.7], [1.5, 1.6, 1.7], "same"),
        ("fid", [1.5, 1.6, 1.7], [1.5 + 1e-9, 1.6, 1.7 - 1e-9], "same"),
        ("fid", [1.5, 1.6, 1.7], [1.501, 1.602, 1.701], "same"),  # within 1 % of the base
        ("fid", [1.5, 1.6, 1.7], [2.51, 2.6, 2.69], "worse"),
        ("fid", [1.5, 1.6, 1.7], [0.51, 0.6, 0.69], "better"),
        ("observed_order", [2.0, 2.1, 2.0], [1.0, 1.1, 1.01], "worse"),
        ("fid", [1.5, 1.6, 1.7], [1.2, 2.6, 1.9], "unclear"),
        ("fid", [1.5], [2.5], "unclear"),
        ("fid", [1.5], [1.5], "same"),
        ("loss_gap", [-0.01, 0.01, 0.0], [0.09, 0.11, 0.1001], "worse"),
    ],
)
def test_quality_is_paired_by_seed(
    tmp_path: Path, name: str, base: list[float], new: list[float], verdict: str
) -> None:
    a = make(tmp_path / "a", [Made("v", None, quality={name: base})])
    b = make(tmp_path / "b", [Made("v", None, quality={name: new})])
    row = row_of(compared(a, b), "v", name)
    assert row.verdict == verdict
    assert row.difference is not None
    assert row.difference.count == len(base)


def test_one_seed_says_so_and_divergence_is_worse(tmp_path: Path) -> None:
    a = make(tmp_path / "a", [Made("v", None, quality={"final_loss": [2.0]})])
    b = make(tmp_path / "b", [Made("v", None, quality={"final_loss": [2.1]})])
    c = make(tmp_path / "c", [Made("v", None, quality={"diverged_at_step": [7.0]})])
    assert "one seed" in row_of(compared(a, b), "v", "final_loss").why
    found = compared(a, c)
    assert row_of(found, "v", "final_loss").verdict == "removed"
    assert row_of(found, "v", "diverged_at_step").verdict == "worse"
    assert row_of(compared(c, a), "v", "diverged_at_step").verdict == "better"


def test_qualities_of_forty_cases_are_corrected(tmp_path: Path) -> None:
    base = [Made(f"v{i}", None, quality={"fid": [1.5, 1.6, 1.7]}) for i in range(40)]
    # p of this difference alone is .004: one of 40 such looks must not be believed
    moved = [Made(m.variant, None, quality=dict(m.quality)) for m in base]
    moved[3].quality["fid"] = [1.55, 1.66, 1.76]
    a, b = make(tmp_path / "a", base), make(tmp_path / "b", moved)
    assert row_of(compared(a, b), "v3", "fid").verdict == "unclear"
    assert row_of(compared(a, b, keyword="v3/"), "v3", "fid").verdict == "worse"


FD = {"fd_pixels": [4.0, 4.1, 4.2]}


@pytest.mark.parametrize(
    ("base", "new", "verdict", "why", "code"),
    [
        (
            {"quality": FD},
            {"quality_outcome": "timeout"},
            "broken",
            "timeout in quality: it hung",
            1,
        ),
        ({"quality_outcome": "oom"}, {"quality": FD}, "fixed", "was oom in quality: it hung", 0),
        (
            {"quality_outcome": "oom"},
            {"quality_outcome": "crash"},
            "not comparable",
            "BASE oom in quality: it hung; NEW crash in quality: it hung",
            0,
        ),
        ({}, {"quality_outcome": "error"}, "added", "error in quality: it hung", 0),
        ({"quality_outcome": "error"}, {}, "removed", "was error in quality: it hung", 0),
    ],
)
def test_a_quality_that_failed_is_no_silence(
    tmp_path: Path, base: dict, new: dict, verdict: str, why: str, code: int
) -> None:
    ours = make(tmp_path / "a", [Made("v", **base)])
    theirs = make(tmp_path / "b", [Made("v", **new)])
    found = compared(ours, theirs)
    row = row_of(found, "v", "quality")
    assert (row.verdict, row.why, row.group) == (verdict, why, "quality")
    assert row_of(found, "v", "time").ratio is not None  # what else was measured is compared
    assert exit_code([found]) == code
    assert exit_code([found], gate=("time",)) == 0


def test_a_quality_that_failed_diverged_nowhere(tmp_path: Path) -> None:
    """It cannot be told whether it would have: neither better nor worse."""
    diverged = make(tmp_path / "a", [Made("v", quality={"diverged_at_step": [3.0, 4.0]})])
    failed = make(tmp_path / "b", [Made("v", quality_outcome="timeout")])
    gone = row_of(compared(diverged, failed), "v", "diverged_at_step")
    come = row_of(compared(failed, diverged), "v", "diverged_at_step")
    assert (gone.verdict, gone.why) == ("removed", "timeout in NEW")
    assert (come.verdict, come.why) == ("added", "timeout in BASE")


def test_seeds_before_a_failure_are_compared(tmp_path: Path) -> None:
    base = make(tmp_path / "a", [Made("v", quality=FD)])
    new = make(tmp_path / "b", [Made("v", quality=FD, quality_outcome="timeout")])
    found = compared(base, new)
    assert row_of(found, "v", "fd_pixels").verdict == "same"
    assert row_of(found, "v", "quality").verdict == "broken"
