"""Tables of a run: golden CSV, tidy columns, rankings, trajectories, what a suite shows."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pandas as pd
import pytest

from bench.judging.ranking import rankings
from bench.judging.record import Record, fold
from bench.store import Run
from reports import csv, html
from reports.shown import constants, shown
from reports.table import COLUMNS, own_columns, row, table
from tests import several_suites
from tests.reports.golden import expect_golden


def test_golden_csv(run: Run, records: list[Record], tmp_path: Path) -> None:
    csv.write(run, records, tmp_path / "results.csv")
    expect_golden("results.csv", (tmp_path / "results.csv").read_text())


def test_csv_is_tidy(run: Run, records: list[Record]) -> None:
    frame = pd.read_csv(io.StringIO(table(run, records).to_csv(index=False)))
    assert list(frame.columns[: len(COLUMNS)]) == list(COLUMNS)
    assert frame["case"].is_unique
    assert len(frame) == len(run.manifest.cases)
    ok = frame[frame["outcome"] == "ok"]
    assert (ok["time_low_s"] < ok["time_s"]).all()
    assert (ok["time_s"] < ok["time_high_s"]).all()
    assert ok["flops_per_s"].to_numpy() == pytest.approx((ok["flops"] / ok["time_s"]).to_numpy())
    failed = frame[frame["outcome"] != "ok"]
    assert failed["time_s"].isna().all()
    assert failed["detail"].notna().all()


def test_every_number_has_its_unit_in_its_name() -> None:
    units = ("_s", "_bytes", "_per_s", "_l2", "_max", "_budget", "_sample", "_share")
    counts = {"threads", "ranks", "rounds", "sessions", "flops", "bytes_moved"}
    words = {
        "suite",
        "variant",
        "options",
        "problem",
        "dtype",
        "pass",
        "device",
        "cache",
        "outcome",
        "failed_in",
        "detail",
        "quality_outcome",
        "quality_detail",
        "flags",
        "bound",
        "roofline_limit",
        "stopped_by",
        "memory_counted_by",
        "steady",
        "clock",
        "allocator",
        "malloc",
        "memory_not_counted",
        "log",
        "source_hash",
        "case",
        "run",
    }
    for column in COLUMNS:
        assert column in counts | words or column.endswith(units), column


def test_words_of_a_row_are_joined_and_missing_where_there_are_none(
    run: Run, records: list[Record]
) -> None:
    names = ("quality_outcome", "quality_detail", "flags", "options")
    case = dataclasses.replace(records[0].case, options={"steps": 4, "kind": "heun"})
    told = dataclasses.replace(
        records[0],
        case=case,
        quality_outcome="crash",
        quality_detail="why",
        flags=["busy", "throttled"],
    )
    found = row(run, told)
    assert [found[name] for name in names] == [
        "crash",
        "why",
        "busy throttled",
        "steps=4,kind=heun",
    ]
    bare = dataclasses.replace(
        told, case=dataclasses.replace(case, options={}), flags=[], quality_outcome=""
    )
    silent = row(run, dataclasses.replace(bare, quality_detail=""))
    assert [silent[name] for name in names] == [None] * 4


def test_ranking_stays_within_one_question(records: list[Record]) -> None:
    found = rankings(records)
    assert found
    for ranking in found:
        assert {r.record.case.question for r in ranking.rivals} <= {ranking.question}
        assert all(rival.ratio.estimate >= 1.0 for rival in ranking.rivals[-1:])


def test_flagged_and_failed_records_are_not_ranked(records: list[Record]) -> None:
    best = rankings(records)[0].fastest
    flagged = [dataclasses.replace(r, flags=["contended"]) if r is best else r for r in records]
    assert best.case.id not in {r.fastest.case.id for r in rankings(flagged)}


def test_what_was_measured_becomes_columns(several: Run) -> None:
    frame = pd.read_csv(io.StringIO(table(several, fold(several)).to_csv(index=False)))
    extra = list(frame.columns[len(COLUMNS) :])
    assert extra[:2] == ["tokens_per_s", "images_per_s"]
    assert extra[-4:] == ["ground", "model", "nfe", "width"]  # the problems' values come last
    step = frame[frame["variant"] == "fp32"].iloc[0]
    assert step["tokens_per_s"] == pytest.approx(2048 / step["time_s"])
    assert step["forward_s"] == pytest.approx(0.3 * step["time_s"], rel=0.02)
    assert step["parameters_bytes"] == 4e6
    assert step["seeds"] == several_suites.SEEDS
    assert step["loss_gap_low"] < step["loss_gap"] < step["loss_gap_high"]
    drawn = frame[frame["variant"] == "heun"].iloc[0]
    assert (drawn["nfe"], drawn["measured_nfe"]) == (5, 4)  # asked, and spent
    assert "loss" not in extra


def test_ranks_become_columns_and_cases_never_timed_are_rows(several: Run) -> None:
    records = fold(several)
    frame = table(several, records)
    two, four = (frame[(frame["variant"] == "ddp") & (frame["ranks"] == n)].iloc[0] for n in (2, 4))
    assert two["rank_time_spread"] == pytest.approx(0.05, rel=0.02)
    assert two["held_rank_max_bytes"] - two["held_rank_min_bytes"] == 64
    assert four["outcome"] == "ok"
    assert pd.isna(four["time_s"])
    assert four["wire_bytes"] == 1.5e6
    assert not [r for r in rankings(records) if r.fastest.case.suite == "parallel"]
    assert "No time is ranked" in html.render(several, records)


def test_trajectories_are_tidy(several: Run, tmp_path: Path) -> None:
    csv.write_trajectories(several, fold(several), tmp_path / "trajectories.csv")
    frame = pd.read_csv(tmp_path / "trajectories.csv")
    assert list(frame.columns) == [
        "case",
        "suite",
        "variant",
        "quantity",
        "seed",
        "index",
        "value",
    ]
    losses = frame[(frame["variant"] == "fp32") & (frame["quantity"] == "loss")]
    assert len(losses) == 2 * several_suites.SEEDS * 12
    attempt = next(a for a in several.attempts if a.role == "quality" and a.round == 1)
    own = losses[(losses["case"] == attempt.case) & (losses["seed"] == 1)]
    assert own.sort_values("index")["value"].tolist() == attempt.measurements[0].samples
    assert (frame[frame["quantity"] == "fd"]["index"] == 0).all()


def test_a_table_of_a_suite_shows_what_tells_there(several: Run) -> None:
    records = fold(several)
    own = [record for record in records if record.case.suite == "sampling"]
    rows = shown(own_columns(table(several, records), own), own)
    assert "fd" in rows
    assert "± fd" in rows
    assert "images/s" in rows
    assert "measured nfe" in rows
    assert constants(own) == ["Digits: ground=exact float32 fwd threads=1 allocator=fixed"]
    for silent in ("tokens/s", "forward (ms)", "ground", "dtype", "fd low", "fd_low", "seeds"):
        assert silent not in rows, silent
    assert rows["time (ms)"].tolist() == pytest.approx(
        [record.interval_of().estimate * 1e3 for record in own]  # type: ignore[union-attr]
    )
