"""Tables and pages from a committed run: golden CSV and HTML, hostile text, a real browser."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
from importlib.metadata import EntryPoint
from pathlib import Path

import pandas as pd
import pytest

from bench.cases.case import Case
from bench.judging.record import Record, fold
from bench.store import Run, read
from reports import csv, html
from reports.page import facts
from reports.ranking import rankings
from reports.shown import constants, shown
from reports.table import COLUMNS, own_columns, table
from reports.words import name_of, rate, same_kind, seconds, shape, size
from tests import several_suites
from tests.conftest import Bench

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
UPDATE = "TOUCHSTONE_UPDATE_GOLDEN" in os.environ
HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def run() -> Run:
    return read(GOLDEN)


@pytest.fixture(scope="module")
def records(run: Run) -> list[Record]:
    return fold(run)


def expect_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if UPDATE:
        path.write_text(text)
    assert text == path.read_text(), f"{name} changed; look, then set TOUCHSTONE_UPDATE_GOLDEN=1"


def test_golden_csv(run: Run, records: list[Record], tmp_path: Path) -> None:
    csv.write(run, records, tmp_path / "results.csv")
    expect_golden("results.csv", (tmp_path / "results.csv").read_text())


def test_a_page_is_a_function_of_its_run(run: Run, records: list[Record]) -> None:
    assert html.render(run, records) == html.render(run, records)


def test_golden_page(run: Run, records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    for bundle in ("vega_bundle", "datatable_scripts"):
        monkeypatch.setattr(html, bundle, lambda: "")
    monkeypatch.setattr(html, "datatable", lambda frame, records: "")
    page = html.render(run, records)
    # chart specifications carry the version of the library that wrote them
    page = re.sub(r"const specs = .*;\n", "const specs = [];\n", page)
    expect_golden("page.html", page)


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


def test_every_failure_is_on_the_page(run: Run, records: list[Record]) -> None:
    page = html.render(run, records)
    for record in records:
        if record.outcome != "ok":
            assert record.case.variant in page
    assert "http://" not in strip_scripts(page).replace("http://www.w3.org/", "")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']?https?:", page)


def test_what_an_import_had_set_is_shown_of_every_row(run: Run, records: list[Record]) -> None:
    words = "threads=2 where 1 was asked: set when its file was imported"
    told = [dataclasses.replace(r, labels={**r.labels, "put_back": words}) for r in records]
    assert (shown(table(run, told), told)["put back"] == words).all()
    assert words in html.render(run, told)


def strip_scripts(page: str) -> str:
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.S)


def test_words() -> None:
    assert seconds(1.5) == "1.5 s"
    assert seconds(0.00123) == "1.23 ms"
    assert seconds(4.5e-5) == "45 µs"
    assert seconds(3e-9) == "3 ns"
    assert size(3 * 2**30) == "3 GiB"
    assert size(12) == "12 B"
    assert rate(2.5e12) == "2.5 TFLOP/s"


SUITES = ("training", "parallel", "sampling")


@pytest.fixture
def several(tmp_path: Path) -> Run:
    return several_suites.several_suites(tmp_path)


@pytest.fixture
def with_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the made-up suites have charts, as an installed package's would."""

    def points(group: str, name: str) -> list[EntryPoint]:
        found = EntryPoint(name, "tests.several_suites", group)
        return [found] if name in SUITES else []

    monkeypatch.setattr(html, "entry_points", points)


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


def test_cases_on_another_device_are_told(several: Run) -> None:
    beside = dataclasses.replace(several.manifest, device="cuda:0")
    told = facts(Run(several.folder, beside, several.attempts), fold(several))["device"]
    assert told == f"cuda:0; {len(several.manifest.cases)} cases on cpu"
    assert facts(several, fold(several))["device"] == "cpu"


def test_the_page_has_a_section_a_suite(several: Run, with_charts: None) -> None:
    page = html.render(several, fold(several))
    body = strip_scripts(page)
    for number, suite in enumerate(SUITES, 1):
        assert f'<a href="#suite-{number}">{suite}</a>' in body
        assert f'id="suite-{number}-charts"' in body
    for target in re.findall(r'href="#([^"]+)"', body):
        assert f'id="{target}"' in body, target
    assert several_suites.DEATH in body


def test_names_of_a_kind() -> None:
    assert same_kind("seqlen_q", "seqlen_kv")
    assert same_kind("num_heads", "num_kv_heads")
    assert not same_kind("num_layers", "num_heads")
    assert not same_kind("batch", "width")
    case = Case("s", "v", "m", "P", {"num_layers": 4, "num_heads": 4, "num_kv_heads": 4})
    assert shape(case) == "num_layers=4 num_heads=4"


def test_a_variant_is_named_with_options_only_among_its_own() -> None:
    one, other = (Case("s", "v", "m", "P", {}, options={"block": n}) for n in (64, 128))
    assert name_of(one, [one]) == "v"
    assert name_of(one, [one, other]) == "v[block=64]"


def hostile_run(tmp_path: Path) -> tuple[Run, list[Record]]:
    """Return the golden run with a variant, an option and a reason that try to break out."""
    folder = tmp_path / "hostile"
    shutil.copytree(GOLDEN, folder)
    run = read(folder)
    bad = Case(
        "attention",
        HOSTILE,
        "m",
        "SoftmaxAttention",
        {"seqlen_q": 64, "num_heads": 1, "head_dim": 8},
        options={"x": HOSTILE},
    )
    worse = dataclasses.replace(fold(run)[0].case, variant=HOSTILE)
    records = [
        *fold(run),
        Record(bad, "error", HOSTILE),
        dataclasses.replace(fold(run)[0], case=worse),
    ]
    return run, records


def browse(page: Path, tmp_path: Path, script: str = "") -> str:
    """Open a page in headless Chromium and return its document once scripts have run."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        if "CI" in os.environ:
            pytest.fail("CI must install chromium")
        pytest.skip("no chromium on this machine")
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=10000",
            "--dump-dom",
            f"file://{page}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.browser
def test_page_draws_in_a_browser(run: Run, records: list[Record], tmp_path: Path) -> None:
    html.write(run, records, tmp_path / "report.html")
    document = browse(tmp_path / "report.html", tmp_path)
    charts = re.findall(r'<div class="chart[^>]*>(.*?)</figure>', document, re.S)
    assert len(charts) == 3
    for chart in charts:
        assert "<svg" in chart or "<canvas" in chart
        assert "Error" not in chart
    tables = re.findall(r'<details class="cases.*?</details>', document, re.S)
    assert len(tables) == 2  # one a suite
    for suite, body in zip(("attention", "faults"), tables, strict=True):
        own = [record for record in records if record.case.suite == suite]
        assert body.count("<tr") > len(own)  # the sortable table has its rows
        assert "dt-container" in body


@pytest.mark.browser
def test_a_page_of_several_suites_draws_in_a_browser(
    several: Run, with_charts: None, tmp_path: Path
) -> None:
    html.write(several, fold(several), tmp_path / "report.html")
    document = browse(tmp_path / "report.html", tmp_path)
    charts = re.findall(r'<div class="chart[^>]*>(.*?)</figure>', document, re.S)
    assert len(charts) == len(SUITES)
    assert all("<svg" in chart or "<canvas" in chart for chart in charts)
    assert document.count("dt-container") >= len(SUITES)


@pytest.mark.browser
def test_hostile_text_stays_text(tmp_path: Path) -> None:
    run, records = hostile_run(tmp_path)
    html.write(run, records, tmp_path / "report.html")
    document = browse(tmp_path / "report.html", tmp_path)
    assert f"<title>{run.id}" in document
    assert "<img src" not in strip_scripts(document)


def test_show_and_report_read_a_run(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "20260101-000000-smoke-abcd"
    shutil.copytree(GOLDEN, folder)
    shown = bench("show", folder)
    assert shown.returncode == 0
    assert "Not measured, and why" in shown.stdout
    assert "of the timed rounds went into calls" in shown.stdout
    done = bench("report", folder)
    assert done.returncode == 0
    assert (folder / "results.csv").read_text().replace(folder.name, GOLDEN.name) == (
        GOLDEN / "results.csv"
    ).read_text()
    assert (folder / "report.html").stat().st_size > 1_000_000


def test_a_torn_record_is_told_and_the_rest_shown(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(GOLDEN, folder)
    path = folder / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    done = bench("show", folder)
    assert done.returncode == 0
    assert "cut off by an interruption" in done.stdout
    path.write_text(path.read_text()[:-1] + '\n{"case": 7}\n')
    done = bench("show", folder)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "records.jsonl, line" in done.stderr
    assert json.loads((folder / "run.json").read_text())
