"""The page of a run: golden HTML, a section a suite, hostile text, a real browser."""

from __future__ import annotations

import dataclasses
import re
import shutil
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bench.cases.case import Case
from bench.judging.record import Record, fold
from bench.store import Run, read
from reports import html
from reports.page import facts
from reports.shown import shown
from reports.table import table
from tests import several_suites
from tests.reports.browsing import HOSTILE, browse, strip_scripts
from tests.reports.golden import GOLDEN, expect_golden

SUITES = ("training", "parallel", "sampling")


@pytest.fixture
def with_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the made-up suites have charts, as an installed package's would."""

    def points(group: str, name: str) -> list[EntryPoint]:
        found = EntryPoint(name, "tests.several_suites", group)
        return [found] if name in SUITES else []

    monkeypatch.setattr(html, "entry_points", points)


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


@pytest.mark.browser
def test_page_draws_in_a_browser(run: Run, records: list[Record], tmp_path: Path) -> None:
    html.write(run, records, tmp_path / "report.html")
    document = browse(tmp_path / "report.html", tmp_path)
    charts = re.findall(r'<div class="chart[^>]*>(.*?)</figure>', document, re.S)
    assert len(charts) == 4
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
