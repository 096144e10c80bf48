"""A comparison as a page: it stands alone, draws in a browser; hostile text stays text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.judging.comparing.comparison import compare
from bench.judging.comparing.quantities import DEFAULT_GATE
from bench.store import Run
from reports.comparison import markdown, page
from tests.made_runs import Made, make
from tests.reports.browsing import HOSTILE, browse, strip_scripts


def hostile(tmp_path: Path) -> tuple[Run, Run]:
    """Return runs whose names, details and settings try to break out of a page."""
    base = [Made(HOSTILE, 1e-3), Made("v", options={"x": HOSTILE})]
    new = [Made(HOSTILE, 2e-3), Made("v", options={"x": HOSTILE}, outcome="crash", detail=HOSTILE)]
    a = make(tmp_path / "a", base, pairing="x", confirm=15)
    environment = {"settings": {"OMP": HOSTILE}}
    b = make(tmp_path / "b", new, pairing="x", confirm=15, seed=1, environment=environment)
    return a, b


def test_hostile_text_stays_text_in_markdown(tmp_path: Path) -> None:
    base, new = hostile(tmp_path)
    text = markdown.markdown(compare(base, [new]), DEFAULT_GATE)
    assert "<script" not in text
    assert "<img" not in text
    assert markdown.text("a|b\n`c` *d* <e>") == "a\\|b\\\\n\\`c\\` \\*d\\* &lt;e&gt;"
    bars = 0  # of the head of the table that a line belongs to
    for line in text.splitlines():
        own = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        bars = bars if own and bars else own
        assert own == bars, line
    assert text.count("| verdict |") + text.count("| share |") == 3


def test_the_page_stands_alone(story: tuple[Run, Run]) -> None:
    text = page.render(compare(story[0], [story[1], story[1]]), DEFAULT_GATE)
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']?https?:", text)
    body = strip_scripts(text)
    for target in re.findall(r'href="#([^"]+)"', body):
        assert f'id="{target}"' in body, target
    assert body.count("<section") == 2
    assert "exceeds its budget" in body


@pytest.mark.browser
def test_the_page_draws_in_a_browser(story: tuple[Run, Run], tmp_path: Path) -> None:
    page.write(compare(story[0], [story[1]]), DEFAULT_GATE, tmp_path / "comparison.html")
    document = browse(tmp_path / "comparison.html", tmp_path)
    charts = re.findall(r'<div class="chart[^>]*>(.*?)</figure>', document, re.S)
    assert len(charts) == 1
    assert "<svg" in charts[0] or "<canvas" in charts[0]
    assert "Error" not in charts[0]
    assert "dt-container" in document


@pytest.mark.browser
def test_hostile_text_stays_text_in_a_browser(tmp_path: Path) -> None:
    base, new = hostile(tmp_path)
    page.write(compare(base, [new]), DEFAULT_GATE, tmp_path / "comparison.html")
    document = browse(tmp_path / "comparison.html", tmp_path)
    assert "<title>b against a" in document
    assert "<img src" not in strip_scripts(document)
