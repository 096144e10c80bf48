"""`bench profile` as a user runs it: a trace a rank, tables, pages that open."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.judging.record import fold
from bench.profiling import folder
from bench.profiling.read import profiles
from bench.store import Run, read
from tests.conftest import Bench
from tests.reports.browsing import browse, expect_links, strip_scripts

SELECTED = ("suites.yardsticks/mlp_step", "suites.yardsticks/all_reduce")


@pytest.fixture(scope="module")
def run(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Run:
    output = tmp_path_factory.mktemp("profiled")
    done = bench("profile", *SELECTED, "--device", "cpu", "--output", output)
    assert done.returncode == 0, done.stderr
    assert "profiles/index.html" in done.stdout
    (found,) = output.iterdir()
    return read(found)


def folder_of(run: Run, variant: str) -> Path:
    (case,) = [case for case in run.manifest.cases if case.variant == variant]
    return folder.folder_of(run.folder, case)


def trace_of(run: Run, variant: str, rank: int = 0) -> list[dict[str, Any]]:
    packed = folder.trace_path(folder_of(run, variant), rank).read_bytes()
    events: list[dict[str, Any]] = json.loads(gzip.decompress(packed))["traceEvents"]
    return events


def test_nothing_is_timed_and_every_case_is_right(run: Run) -> None:
    assert {a.role for a in run.attempts} == {"check", "memory", "profile"}
    assert [record.outcome for record in fold(run)] == ["ok", "ok"]


def test_a_trace_has_its_ranges_and_its_operators(run: Run) -> None:
    events = trace_of(run, "mlp_step")
    ranges = [e["name"] for e in events if e.get("cat") == "user_annotation"]
    (profile, _) = profiles(run)
    assert ranges.count("step") == profile.ranks[0].facts.steps
    assert {"set-up", "inputs", "first call"} <= set(ranges)
    assert "aten::mm" in {e["name"] for e in events if e.get("cat") == "cpu_op"}


def test_a_step_is_put_down_to_its_operators(run: Run) -> None:
    (profile, _) = profiles(run)
    (own,) = profile.ranks
    assert own.operators["self_s"].sum() == pytest.approx(own.step_s, rel=1e-3)
    products = own.operators[own.operators["operator"] == "aten::mm"]
    assert set(products["phase"]) == {"forward", "backward"}
    assert products["flops"].sum() == profile.case.flops  # what it declares is what ran


def test_every_rank_has_a_trace_that_tells_communication(run: Run) -> None:
    (_, profile) = profiles(run)
    assert len(profile.ranks) == 2
    for own in profile.ranks:
        split = own.overlap
        assert split.exposed_s + split.hidden_s > 0
        parts = split.compute_s + split.exposed_s + split.idle_s
        assert parts == pytest.approx(split.step_s, rel=1e-6)
        names = {e["name"] for e in trace_of(run, "all_reduce", own.facts.rank)}
        assert "gloo:all_reduce" in names


def test_what_it_costs_is_measured(run: Run) -> None:
    for profile in profiles(run):
        for own in profile.ranks:
            assert len(own.facts.plain_s) == 2 * own.facts.steps
            assert own.facts.cost > -1


def test_memory_is_told_by_category(run: Run) -> None:
    (profile, _) = profiles(run)
    found = profile.ranks[0].facts.memory
    assert not profile.ranks[0].facts.without
    assert found.bytes_by_category
    for series in found.bytes_by_category.values():
        assert len(series) == len(found.times_s)


def test_tables_are_written(run: Run) -> None:
    operators = pd.read_csv(run.folder / "profiles" / "operators.csv")
    assert set(operators["variant"]) == {"mlp_step", "all_reduce"}
    ranks = pd.read_csv(run.folder / "profiles" / "ranks.csv")
    assert len(ranks) == 3
    assert not (run.folder / "profiles" / "kernels.csv").exists()  # of a GPU alone


def test_links_lead_somewhere(run: Run) -> None:
    pages = [run.folder / "report.html", *(run.folder / "profiles").rglob("*.html")]
    assert len(pages) == 4
    expect_links(pages)


def test_no_host_and_no_path_is_in_what_is_kept(run: Run) -> None:
    for path in (run.folder / "profiles").rglob("rank*"):
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        assert str(run.folder.parent).encode() not in text
        assert b"host_name" not in text
        assert b"/site-packages/" not in text


@pytest.mark.slow
def test_a_run_is_profiled_after_all_that_is_timed(bench: Bench, tmp_path: Path) -> None:
    words = ("run", "suites.yardsticks/mlp_step", "--rounds", 2, "--profile", "--device", "cpu")
    done = bench(*words, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    (folder_of_run,) = tmp_path.iterdir()
    run = read(folder_of_run)
    assert [a.role for a in run.attempts] == ["check", "memory", "time", "time", "profile"]
    (record,) = fold(run)
    assert record.outcome == "ok"
    assert len(record.rounds_of()) == 2
    assert "profiler_cost" not in record.labels  # what is compared knows nothing of it
    (profile,) = profiles(run)
    assert profile.ranks
    link = f'href="profiles/{profile.folder.name}/index.html"'
    assert link in strip_scripts((folder_of_run / "report.html").read_text())


@pytest.mark.browser
@pytest.mark.parametrize("variant", ["mlp_step", "all_reduce"])
def test_a_page_draws_in_a_browser(run: Run, variant: str, tmp_path: Path) -> None:
    document = browse(folder_of(run, variant) / "index.html", tmp_path)
    charts = re.findall(r'<div class="chart[^>]*>(.*?)</figure>', document, re.S)
    assert len(charts) >= 4
    assert all("<svg" in chart or "<canvas" in chart for chart in charts)
    assert "could not be drawn" not in document
    assert "Where the time of a step goes" in document
