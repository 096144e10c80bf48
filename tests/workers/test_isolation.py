"""A claim or a chart that raises costs itself alone, and the report says which and why."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import altair as alt
import pandas as pd
import pytest

from bench.cases.chart import Chart, drawn
from bench.judging.claim import Finding, claim
from bench.judging.record import Record, fold
from bench.judging.statistics import interval, ratio
from bench.judging.words import plus_minus
from bench.store import read
from reports import csv, findings, html
from reports.commands import show
from suites.distributed import charts as distributed
from tests import several_suites
from tests.made_runs import Made, make

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
PUBLISHED = Path(__file__).parents[2] / "reports" / "published"


@claim("nobody 2026")
def trips(records: Sequence[Record]) -> Finding:
    """A claim whose code trips over a record."""
    raise KeyError("traffic\nof <b>nobody</b>")


@claim("somebody 2026")
def stands(records: Sequence[Record]) -> Finding:
    """A claim that stands."""
    return Finding("holds", ["a figure"])


class Points:
    """Entry points of one suite, whatever is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, suite: str, **of: Any):
        point = SimpleNamespace(name=suite, load=lambda: SimpleNamespace(**of))
        for module in (findings, html):
            monkeypatch.setattr(module, "entry_points", lambda **_: [point])


def test_a_claim_that_raises_is_a_row_and_costs_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Points(monkeypatch, "attention", trips=trips, stands=stands)
    run = read(GOLDEN)
    csv.write_claims(run, fold(run), tmp_path / "claims.csv")
    rows = pd.read_csv(tmp_path / "claims.csv").set_index("claim")
    assert rows.loc["trips", "verdict"] == "untested"
    assert rows.loc["trips", "figures"].startswith("its check raised KeyError: 'traffic")
    assert rows.loc["stands", "verdict"] == "holds"


def test_charts_that_raise_are_named_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    run = several_suites.several_suites(Path("made"))
    good = Chart("Good", "Good.", alt.Chart(pd.DataFrame({"x": [1]})).mark_bar().encode(x="x:Q"))
    invalid = SimpleNamespace(to_dict=lambda: {}["no such mark"])

    def trips() -> Chart:
        raise ValueError("<script>no such column</script>")

    def charts(table: pd.DataFrame, samples: pd.DataFrame) -> list[Chart]:
        return [*drawn("Bad", trips), good, Chart("Worse", "Worse.", invalid)]

    Points(monkeypatch, "training", charts=charts)
    page = html.render(run, fold(run))
    for title in ("Good", "Bad", "Worse"):
        assert f"<figcaption>{title}</figcaption>" in page
    assert "This chart could not be drawn: ValueError" in page
    assert "<script>no such column" not in page
    specs = page.split("const specs = ")[1].split(";\n")[0]
    assert specs.count('"encoding"') == page.count('class="chart"')


def test_a_suites_charts_that_raise_before_the_first_are_named_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def charts(table: pd.DataFrame, samples: pd.DataFrame) -> list[Chart]:
        raise TypeError("a figure of another kind")

    Points(monkeypatch, "training", charts=charts)
    (chart,) = html.charts("training", pd.DataFrame({"time_s": [1.0]}), pd.DataFrame())
    assert chart.drawing is None
    assert "TypeError: a figure of another kind" in chart.caption


def published() -> list[Record]:
    (path, *_) = sorted(PUBLISHED.glob("*/run.json"))
    return fold(read(path.parent))


def lacking(records: list[Record], quantity: str) -> list[Record]:
    """Take a quantity from every record."""
    return [
        replace(r, values={q: v for q, v in r.values.items() if q != quantity}) for r in records
    ]


@pytest.mark.parametrize(
    "quantity", ["traffic_engine_elements", "model_states_engine", "num_parameters"]
)
def test_a_quantity_that_is_not_there_costs_what_needs_it(quantity: str) -> None:
    judged = findings.judge(lacking(published(), quantity))
    lost = [found for found in judged if "its check raised" in " ".join(found.figures)]
    kept = [found for found in judged if found.verdict == "holds"]
    assert {found.suite for found in lost} == {"distributed"}
    assert {found.suite for found in kept} > {"attention", "distributed"}
    assert len(judged) == len(findings.judge(published()))


def test_what_one_chart_lacks_costs_no_other() -> None:
    (path, *_) = sorted(PUBLISHED.glob("*/run.json"))
    run = read(path.parent)
    records = fold(run)
    frame = html.own_columns(html.table(run, records), html.page.by_suite(records)["distributed"])
    samples = html.trajectories(records)
    whole = distributed.charts(frame, samples)
    assert all(chart.drawing is not None for chart in whole)
    damaged = distributed.charts(frame.drop(columns=["num_parameters"]), samples)
    assert len(damaged) == len(whole)
    undrawn = [chart for chart in damaged if chart.drawing is None]
    assert 0 < len(undrawn) < len(damaged)
    assert all("num_parameters" in chart.caption for chart in undrawn)


def test_few_rounds_far_apart_bound_nothing_and_overflow_nothing() -> None:
    far = interval({(0, 0): 1e-12, (0, 1): 1e9})
    assert far.low is not None
    assert far.high is not None
    assert 0 < far.low < far.estimate < far.high < float("inf")
    assert plus_minus(far) == "(no bounds from 2 rounds)"
    near = {(0, n): 1e-3 * (1 + n) for n in range(2)}
    assert ratio(near, {(0, 0): 1.0, (0, 1): 1.1}, 1 - 1e-9)
    rng = random.Random(1)
    steady = interval({(0, n): 1e-3 * rng.lognormvariate(0, 0.01) for n in range(5)})
    assert plus_minus(steady).startswith("±")


def test_a_name_that_looks_like_markup_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make(tmp_path / "[bold]run", [Made("plain"), Made("rival")], preset="[/]")
    show(run.folder)
    out = capsys.readouterr().out
    assert "[bold]run  [/] on cpu" in out
