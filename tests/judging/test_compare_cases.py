"""Comparisons of cases as a whole: what became of each, exit codes, and means over them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.judging.comparing.comparison import compare, exit_code
from bench.store import read
from tests.judging.made_pairs import compared, paired, row_of
from tests.made_runs import Made, make


def test_what_becomes_of_cases(tmp_path: Path) -> None:
    bad = {"outcome": "crash", "detail": "SIGSEGV"}
    base = [Made("v"), Made("breaks"), Made("mends", **bad), Made("goes"), Made("never", **bad)]
    base += [Made("unreached")]
    new = [Made("v"), Made("breaks", **bad), Made("mends"), Made("comes"), Made("never", **bad)]
    new += [Made("unreached", outcome="pending")]
    found = paired(tmp_path, base, new)
    told = {
        row.match.case.variant: (row.verdict, row.why)
        for row in found.rows
        if row.group == "outcome"
    }
    assert told["breaks"] == ("broken", "crash in check: SIGSEGV")
    assert told["mends"] == ("fixed", "was crash in check: SIGSEGV")
    assert told["comes"][0] == "added"
    assert told["goes"][0] == "removed"
    assert told["never"] == ("not comparable", "crash in check: SIGSEGV")
    assert told["unreached"][0] == "not comparable"
    assert "not reached" in told["unreached"][1]
    assert row_of(found, "v").verdict == "same"
    assert exit_code([found]) == 1
    assert exit_code([found], ()) == 1  # a broken case always fails
    assert found.overall[0].compared == 1
    assert found.overall[0].num_cases == 7


def test_exit_codes(tmp_path: Path) -> None:
    base = make(tmp_path / "base", [Made("v", values={"peak": 100.0})])
    worse = make(tmp_path / "worse", [Made("v", values={"peak": 200.0})])
    other = make(tmp_path / "other", [Made("w")])
    assert exit_code(compare(base, [base])) == 0
    assert exit_code(compare(base, [base, worse])) == 1  # the worst counts
    assert exit_code(compare(base, [worse]), ["time"]) == 0
    assert exit_code(compare(base, [other])) == 3
    assert exit_code(compare(base, [base, other])) == 0
    with pytest.raises(UserError, match="matches -k") as refused:
        compare(base, [base], keyword="nothing")
    assert refused.value.exit_code == 3


def test_means_are_of_good_cases_only_and_say_how_many(tmp_path: Path) -> None:
    base = [Made("a", 1e-3), Made("b", 1e-3), Made("c", 1e-3), Made("d", 1e-3), Made("q", None)]
    new = [
        Made("a", 1.2e-3),
        Made("b", 1e-3 / 1.2),
        Made("c", 9e-3, flags=["throttled"]),
        Made("d", outcome="oom"),
        Made("q", None),
    ]
    (mean,) = paired(tmp_path, base, new).overall
    assert (mean.compared, mean.num_cases) == (2, 4)
    assert mean.ratio == pytest.approx(1.0, rel=0.01)
    assert mean.least == pytest.approx(1 / 1.2, rel=0.01)


ROOT = Path(__file__).resolve().parents[2]
RECORDED = [*(ROOT / "reports/published").glob("*/run.json"), ROOT / "tests/data/golden/run.json"]


@pytest.mark.parametrize("manifest", RECORDED, ids=lambda path: path.parent.name)
def test_a_recorded_run_against_itself_has_not_changed(manifest: Path) -> None:
    run = read(manifest.parent)
    found = compared(run, run)
    verdicts = {row.verdict for row in found.rows}
    assert {"same", "unclear"} <= verdicts <= {"same", "unclear", "not comparable"}
    assert exit_code([found]) == 0
    assert math.isclose(found.overall[0].ratio or 0, 1.0)
