"""`bench profile` for a case of every suite: its trace, its tables and its page."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.judging.record import fold
from bench.profiling import folder
from bench.profiling.read import Profile, profiles
from bench.store import Run, read
from tests.conftest import Bench
from tests.reports.browsing import browse, expect_links

pytestmark = pytest.mark.slow

# What asks for one cheap case of a suite, and the ranges that its steps have.
CASES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "attention": (("attention/sdpa_flash", "-k", "fwd_bwd"), set()),
    "mixers": (("mixers/attention", "-k", "Layer and seqlen=256"), set()),
    "operators": (("operators/softmax_whole", "-k", "batch=256"), set()),
    "positions": (("positions/rope", "-k", "head_dim=64"), set()),
    "precision": (("precision/fp32", "-k", "GPT"), {"forward", "backward", "optimizer"}),
    "distributed": (("distributed/ddp",), {"forward", "backward", "optimizer"}),
    "samplers": (("samplers/euler", "-k", "karras", "--set", "nfe=5"), {"network"}),
    "yardsticks": (("suites.yardsticks/mlp_step",), set()),
}
RANKS = {"distributed": 2}


@pytest.fixture(scope="module", params=CASES)
def profiled(
    request: pytest.FixtureRequest, bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Run, Profile]:
    output = tmp_path_factory.mktemp(request.param)
    words, _ = CASES[request.param]
    done = bench("profile", *words, "--device", "cpu", "--output", output)
    assert done.returncode == 0, done.stderr
    (place,) = output.iterdir()
    run = read(place)
    first, *_ = profiles(run)
    return request.param, run, first


Profiled = tuple[str, Run, Profile]


def test_every_case_has_a_trace_for_each_rank(profiled: Profiled) -> None:
    suite, run, first = profiled
    assert {record.outcome for record in fold(run)} == {"ok"}
    assert not [found.failed for found in profiles(run) if found.failed]
    assert len(first.ranks) == RANKS.get(suite, 1)


def test_traces_load_as_json_and_have_the_ranges_that_are_expected(profiled: Profiled) -> None:
    suite, _, first = profiled
    _, ranges = CASES[suite]
    for own in first.ranks:
        packed = folder.trace_path(first.folder, own.facts.rank).read_bytes()
        events: list[dict[str, Any]] = json.loads(gzip.decompress(packed))["traceEvents"]
        names = [e["name"] for e in events if e.get("cat") == "user_annotation"]
        assert names.count("step") == own.facts.steps
        assert {"set-up", "inputs", "first call", *ranges} <= set(names)


def test_a_step_is_put_down_to_its_operators(profiled: Profiled) -> None:
    _, _, first = profiled
    for own in first.ranks:
        assert own.operators["self_s"].sum() == pytest.approx(own.step_s, rel=0.02)
        assert own.calls or own.facts.dropped


def test_links_lead_to_files_that_are_there(profiled: Profiled) -> None:
    _, run, _ = profiled
    pages = [run.folder / "report.html", *(run.folder / "profiles").rglob("*.html")]
    assert len(pages) >= 3
    expect_links(pages)


@pytest.mark.browser
def test_its_page_draws_in_a_browser(profiled: Profiled, tmp_path: Path) -> None:
    _, run, first = profiled
    document = browse(first.folder / "index.html", tmp_path)
    charts = re.findall(r'<div class="chart[^>]*>(.*?)</figure>', document, re.S)
    assert len(charts) >= 3
    assert all("<svg" in chart or "<canvas" in chart for chart in charts)
    assert "could not be drawn" not in document
    assert "could not be drawn" not in browse(run.folder / "report.html", tmp_path / "report")
