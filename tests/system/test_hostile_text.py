"""A folder made to act on its reader, through every command that reads, page and summary."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Bench
from tests.made_runs import Made, make, make_pair
from tests.system.test_text import ACTING, HIDING, STYLES

NAME = "v\x1b]0;owned\x07\u202eexe\u2066[/][bold red]|![x](http://x)@name #1 $x$ :tada: <b>"
DETAIL = "=1\r\x1b[2J\u2028No regression: 2 same.\n**x** \x9b31m[/] `y`"
FORBIDDEN = {mark for text in ACTING + HIDING for mark in text if not mark.isprintable()} - {"\n"}

CASES = [
    Made(NAME, 1e-3, labels={"clock": "monotonic", "put_back": DETAIL}),
    Made("slow", 2e-3, options={NAME: DETAIL}),
    Made("flagged", 3e-3, flags=[NAME], detail=DETAIL, size=DETAIL),
    Made("fails", outcome="crash", detail=DETAIL),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    parent = tmp_path / f"run{NAME.replace('/', '')}"
    make(parent, CASES, preset=NAME, device="cpu", environment={"cpu": NAME, "gpus": [{NAME: 1}]})
    return parent


def expect_inert(text: str) -> None:
    acting = FORBIDDEN & set(STYLES.sub("", text))
    assert not acting, sorted(map(repr, acting))


@pytest.mark.parametrize("colours", ["", "1"])
def test_nothing_acts_on_the_terminal(
    folder: Path, bench_here: Bench, monkeypatch: pytest.MonkeyPatch, colours: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", colours)
    for command in ("show", "claims", "report", "compare"):
        words = [folder, folder] if command == "compare" else [folder]
        done = bench_here(command, *words, cwd=folder.parent)
        assert done.returncode == 0, done.stderr
        expect_inert(done.stdout)
        expect_inert(done.stderr)
        if command != "claims":
            assert "[bold red]" in done.stdout
            assert "\\x1b]0;owned\\x07" in done.stdout
    for words in (["show", folder / NAME], ["run", f"{NAME}.py"], ["list", "-k", NAME]):
        done = bench_here(*words, cwd=folder.parent)
        assert done.returncode in (2, 3)
        assert len(done.stderr.splitlines()) == 1
        expect_inert(done.stderr)


def test_nothing_acts_in_pages(folder: Path, bench_here: Bench) -> None:
    bench_here("report", folder)
    bench_here("compare", folder, folder, "--output", folder.parent / "compared")
    for page in (folder / "report.html", folder.parent / "compared" / "comparison.html"):
        text = page.read_text(encoding="utf-8")
        expect_inert(html.unescape(without_scripts(text)))
        (specs,) = re.findall(r"const specs = (.*);\n", text)
        expect_inert("".join(texts_in(json.loads(specs))))


def without_scripts(page: str) -> str:
    """Leave out what is a library's own; tables and charts are looked at by themselves."""
    return re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)


def texts_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in texts_in(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in texts_in(part))
    elif isinstance(value, str):
        yield value


def test_nothing_acts_in_a_summary(tmp_path: Path, bench_here: Bench) -> None:
    worse = [Made(NAME, 4e-3), *CASES[1:3], Made("fails", outcome="error", detail=DETAIL)]
    make_pair(tmp_path / "ab", CASES, worse)
    summary = tmp_path / "summary.md"
    done = bench_here("compare", tmp_path / "ab", "--summary", summary, "--all")
    assert done.returncode == 1
    expect_inert(done.stdout)
    text = summary.read_text()
    expect_inert(text)
    for acting in ("@name", "![x]", "http:", "#1 ", "$x", ":tada", "<b>", "**x**"):
        assert acting not in text, acting
    assert "\nNo regression" not in text
    page = (tmp_path / "ab" / "comparison.html").read_text(encoding="utf-8")
    expect_inert(html.unescape(without_scripts(page)))


def test_files_keep_what_was_there(folder: Path, bench_here: Bench) -> None:
    bench_here("report", folder)
    frame = pd.read_csv(folder / "results.csv")
    row = frame[frame["variant"] == "fails"].iloc[0]
    assert row["detail"].removeprefix("'") == DETAIL
    assert NAME in set(frame["variant"])
