"""A comparison as tables: golden CSV and Markdown, what comes first, words of a change."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import pandas as pd

from bench.judging.comparing.comparison import compare
from bench.judging.comparing.quantities import DEFAULT_GATE
from bench.store import Run
from reports.comparison import markdown, table
from reports.comparison.lines import change, lines, parts, verdict_line
from reports.comparison.names import Names
from tests.judging.made_pairs import paired, row_of
from tests.made_runs import Made
from tests.reports.golden import expect_golden


def test_golden_table_and_summary(story: tuple[Run, Run], tmp_path: Path) -> None:
    found = compare(story[0], [story[1]])
    table.write(found, DEFAULT_GATE, tmp_path / "comparison.csv")
    markdown.write(found, DEFAULT_GATE, tmp_path / "comparison.md")
    for name in ("comparison.csv", "comparison.md"):
        expect_golden(name, (tmp_path / name).read_text())


def test_the_table_is_tidy(story: tuple[Run, Run]) -> None:
    found = compare(story[0], [story[1]])
    frame = pd.read_csv(io.StringIO(table.table(found, DEFAULT_GATE).to_csv(index=False)))
    assert list(frame.columns) == list(table.COLUMNS)
    assert not frame.duplicated(["case", "new_case", "quantity"]).any()
    assert set(frame[frame["regression"]]["variant"]) == {"slows", "steady", "breaks", "learns"}
    times = frame[frame["quantity"] == "time"].set_index("variant")
    assert times.loc["slows", "ratio_low"] < 1.15 < times.loc["slows", "ratio_high"]
    assert times.loc["slows", "rounds"] == 15  # of the confirmation alone
    assert times.loc["slows", "source_changed"]
    assert times.loc["busy", "why"] == "throttled in BASE"


def test_worst_first_and_the_same_folded(story: tuple[Run, Run]) -> None:
    (found,) = compare(story[0], [story[1]])
    sorted_rows = parts(found)
    bad = [(row.verdict, row.match.case.variant) for row in sorted_rows.bad]
    assert bad[:2] == [("broken", "breaks"), ("slower", "slows")]
    assert {row.verdict for row in sorted_rows.good} == {"fixed", "faster", "better"}
    assert [row.match.case.variant for row in sorted_rows.doubtful] == ["wavers", "busy"]
    assert all(row.verdict in ("same", "unclear") for row in sorted_rows.quiet)
    assert sum(map(len, dataclasses.astuple(sorted_rows))) == len(found.rows)
    assert verdict_line(found, DEFAULT_GATE).startswith("Regression: cases 1 broken, 1 fixed")


def test_words_of_a_change(tmp_path: Path) -> None:
    found = paired(tmp_path, [Made("v"), Made("w")], [Made("v", 1.1e-3), Made("w", 3e-3)])
    assert re.fullmatch(r"\+\d+\.\d% \(\+\d+\.\d% to \+\d+\.\d%\)", change(row_of(found, "v")))
    assert change(row_of(found, "w")).startswith("3.0")
    told = lines(found.rows, Names(row.match for row in found.rows), DEFAULT_GATE)
    assert {line.case for line in told} == {"made/v", "made/w"}
    assert all(line.fails for line in told)
