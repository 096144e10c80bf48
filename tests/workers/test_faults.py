"""Every way to fail becomes its outcome, and leaves nothing behind."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.judging.ranking import rankings
from bench.judging.record import fold
from bench.store import read
from tests.conftest import Bench

EXPECTED = {
    "none": "ok",
    "segfault": "crash",
    "exits": "crash",
    "dies_midway": "crash",
    "hang": "timeout",
    "stubborn_hang": "timeout",
    "host_oom": "oom",
    "wrong": "incorrect",
    "not_finite": "incorrect",
    "unwritten": "incorrect",
    "mutates": "incorrect",
    "remembers": "incorrect",
    "raises": "error",
    "broken": "error",
    "missing_package": "unsupported",
    "refuses": "unsupported",
    "dead_rank": "crash",
    "hung_rank": "timeout",
    "memoises": "ok",
    "memoises_late": "ok",
    "quality_fine": "ok",
    "quality_hangs": "ok",
    "quality_throws": "ok",
    "quality_crashes": "ok",
    "quality_fails_late": "ok",
    "quality_declined": "ok",
    "quality_oom": "ok",
}
QUALITY = {
    "quality_fine": "ok",
    "quality_hangs": "timeout",
    "quality_throws": "error",
    "quality_crashes": "crash",
    "quality_fails_late": "error",
    "quality_declined": "unsupported",
    "quality_oom": "oom",
}


@pytest.fixture(scope="module")
def rows(faults_run: Path) -> pd.DataFrame:
    return pd.read_csv(faults_run / "results.csv").set_index("variant")


def test_every_fault_has_its_outcome(rows: pd.DataFrame) -> None:
    assert rows["outcome"].to_dict() == EXPECTED


def test_a_failed_case_has_no_cost_number(rows: pd.DataFrame) -> None:
    failed = rows[rows["outcome"] != "ok"]
    costs = [
        "time_s",
        "time_low_s",
        "time_high_s",
        "first_call_s",
        "flops_per_s",
        "bytes_per_s",
        "peak_bytes",
        "resident_growth_bytes",
    ]
    assert failed[costs].isna().all(axis=None)
    assert rows.loc["none", ["time_s", "peak_bytes", "first_call_s"]].gt(0).all()


def test_a_failed_case_says_why_and_where(rows: pd.DataFrame) -> None:
    failed = rows[rows["outcome"] != "ok"]
    assert failed["detail"].notna().all()
    assert "SIGSEGV" in rows.loc["segfault", "detail"]
    assert "a_kernel_library_nobody_has" in rows.loc["missing_package", "detail"]
    assert rows.loc["dies_midway", "failed_in"] == "time"
    assert rows.loc["unwritten", "failed_in"] == "time"
    assert rows.loc["wrong", "failed_in"] == "check"
    assert "rank 1 died of SIGKILL" in rows.loc["dead_rank", "detail"]
    assert "rank 1 stands in step (" in rows.loc["hung_rank", "detail"]


def test_a_step_that_only_remembers_is_impossible(rows: pd.DataFrame) -> None:
    flagged = rows[rows["flags"].str.contains("impossible", na=False)]
    assert set(flagged.index) == {"memoises", "memoises_late"}
    assert (
        "a call runs nothing that computes, only aten::clone" in flagged.loc["memoises", "detail"]
    )
    assert "its FLOPs take at least" in flagged.loc["memoises_late", "detail"]
    assert flagged.loc["memoises_late", "roofline_share"] > 10
    assert rows.loc["none", "roofline_share"] < 1


def test_poison_that_was_not_overwritten_is_incorrect(rows: pd.DataFrame) -> None:
    assert rows.loc["unwritten", "outcome"] == "incorrect"
    assert "left elements unwritten" in rows.loc["unwritten", "detail"]


def test_an_incorrect_case_keeps_its_error(rows: pd.DataFrame) -> None:
    assert rows.loc["wrong", "error_over_budget"] > 1
    assert rows.loc["none", "error_over_budget"] <= 1


def test_stderr_is_kept_and_publishable(faults_run: Path, rows: pd.DataFrame) -> None:
    text = (faults_run / rows.loc["segfault", "log"]).read_text()
    assert "Segmentation fault" in text
    assert "segfault.py" in text
    assert str(Path.home()) not in text
    text = (faults_run / rows.loc["hang", "log"]).read_text()
    assert "hang.py" in text  # where it stood when its time was up


def test_one_failing_attempt_ends_a_case(faults_run: Path) -> None:
    failed, worthless = set(), set()
    for attempt in read(faults_run).attempts:
        assert attempt.case not in failed
        assert attempt.role != "quality" or attempt.case not in worthless
        if attempt.outcome != "ok":
            (worthless if attempt.role == "quality" else failed).add(attempt.case)


def test_a_quality_that_fails_costs_itself_alone(rows: pd.DataFrame) -> None:
    assert rows["quality_outcome"].dropna().to_dict() == QUALITY
    graded = rows.loc[list(QUALITY)]
    assert graded[["time_s", "peak_bytes", "flops_per_s", "rounds"]].gt(0).all(axis=None)
    assert graded["detail"].isna().all()
    failed = graded.drop("quality_fine")
    assert failed["quality_detail"].notna().all()
    assert "SIGSEGV" in failed.loc["quality_crashes", "quality_detail"]
    assert rows.loc[["quality_fine", "quality_fails_late"], "error"].eq(0.25).all()
    assert failed.drop("quality_fails_late")["error"].isna().all()


def test_a_quality_that_fails_is_told(bench: Bench, faults_run: Path) -> None:
    shown = bench("show", faults_run).stdout
    assert "6 of them without the quality, which failed" in shown
    assert "timeout in" in shown
    report = (faults_run / "report.html").read_text()
    assert "crash in quality" in report
    assert "this network is not worth it" in report


def test_a_quality_that_fails_does_not_bar_from_rankings(faults_run: Path) -> None:
    undisturbed = [replace(record, flags=[]) for record in fold(read(faults_run))]
    records = [record for record in undisturbed if record.case.variant in QUALITY]
    (ranking,) = rankings(records)
    assert len(ranking.rivals) == len(QUALITY) - 1


def test_nothing_is_left_running(faults_run: Path) -> None:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "sleep 3599" not in listed
