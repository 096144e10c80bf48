"""Charts of what was really recorded: every suite's are drawn, none is words of what it lacked."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.judging.record import fold
from bench.store import read
from reports.html import suite_sections
from tests.conftest import ROOT

RECORDED = sorted((ROOT / "reports" / "published").glob("*/run.json"))


@pytest.mark.parametrize("manifest", RECORDED, ids=lambda path: path.parent.name)
def test_every_chart_of_a_published_run_is_drawn(manifest: Path) -> None:
    run = read(manifest.parent)
    charts = [chart for one in suite_sections(run, fold(run)) for chart in one.charts]
    assert charts
    assert [chart.caption for chart in charts if chart.drawing is None] == []
