"""What is flagged for beating its bound, and the shares of it that reports show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.cases.case import Attempt, Measurement
from bench.judging.record import fold, fold_case
from bench.store import read
from reports.ceilings import ceilings_in_words
from reports.page import facts
from reports.table import table
from tests.machine.known_ceilings import CASE, ONE
from tests.several_suites import several_suites

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def timed(seconds: list[float], number: int = 0) -> Attempt:
    return Attempt(
        CASE.id, "time", 0, number, "ok", measurements=[Measurement("time", "s", seconds)]
    )


def test_a_time_beyond_the_calibrations_error_is_impossible() -> None:
    record = fold_case(CASE, [timed([0.02] * 3), timed([0.02, 0.001, 0.02], 1)], [ONE])
    assert record.flags == []  # one short sample is not the attempt's median
    assert record.roofline_share == pytest.approx(0.5)
    within = fold_case(CASE, [timed([0.01 / 1.07] * 3)], [ONE])
    assert within.flags == []
    assert within.ranked
    beyond = fold_case(CASE, [timed([0.02] * 3), timed([0.01 / 1.09] * 3, 1)], [ONE])
    assert beyond.flags == ["impossible"]
    assert beyond.outcome == "ok"
    assert not beyond.ranked
    assert "its FLOPs take at least 1e+04 µs" in beyond.detail


def test_without_ceilings_nothing_is_judged() -> None:
    record = fold_case(CASE, [timed([1e-9])])
    assert record.flags == []
    assert record.roofline_share is None


def test_a_flag_of_the_memory_role_bars_the_record() -> None:
    seen = Attempt(CASE.id, "memory", 0, 0, "ok", "nothing computes", flags=["impossible"])
    record = fold_case(CASE, [seen, timed([0.02] * 3)], [ONE])
    assert (record.flags, record.detail) == (["impossible"], "nothing computes")


def test_a_failed_case_has_no_share() -> None:
    failed = replace(timed([0.001]), outcome="incorrect", detail="wrong")
    record = fold_case(CASE, [failed], [ONE])
    assert (record.outcome, record.detail, record.flags) == ("incorrect", "wrong", [])
    assert record.roofline_share is None


def test_the_report_shows_shares_and_ceilings(tmp_path: Path) -> None:
    run = several_suites(tmp_path)
    run.manifest = replace(
        run.manifest,
        cases=[replace(case, flops=10**8) for case in run.manifest.cases],
        sessions=[replace(run.manifest.sessions[0], ceilings=[ONE])],
    )
    run.save()
    again = replace(read(tmp_path), attempts=run.attempts)
    assert again.last_session.ceilings == [ONE]
    records = fold(again)
    rows = table(again, records).set_index("variant")
    assert rows.loc["heun", "roofline_limit"].unique().tolist() == ["compute"]
    share = 1e8 / 100e9 / rows.loc["heun", "time_s"]
    assert rows.loc["heun", "roofline_share"].tolist() == pytest.approx(share.tolist())
    assert rows.loc["ddp", "roofline_share"].isna().all()  # several ranks
    assert "1 thread: 40 GB/s from memory, 200 from cache" in facts(again, records)["ceilings"]
    assert "bfloat16 400 GFLOP/s" in ceilings_in_words(again)


def test_a_run_from_before_ceilings_reads_as_it_was() -> None:
    run = read(GOLDEN)
    assert run.last_session.ceilings == []
    assert ceilings_in_words(run) == ""
    assert table(run, fold(run))["roofline_share"].isna().all()
