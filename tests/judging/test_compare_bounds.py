"""Bounds beside verdicts, and the limit that fails a comparison: rows, words, exit codes."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.cases.kind import kind_of
from bench.judging.comparing.comparison import Comparison, compare, exit_code
from bench.judging.comparing.matching import match
from bench.judging.comparing.quantities import DEFAULT_GATE
from bench.judging.comparing.rounds import unexcluded
from bench.judging.comparing.versus import versus
from bench.judging.record import fold
from bench.store import Run, read
from bench.system.terminal import Screen
from reports.comparison import markdown, page, table
from reports.comparison.bounds import excluded, gated, upwards
from reports.comparison.lines import verdict_line
from reports.comparison.terminal import print_comparison
from tests.judging.made_pairs import compared, paired, row_of
from tests.made_runs import Made, make, make_pair
from tests.reports.browsing import strip_scripts


def limited(
    folder: Path, base: list[Made], new: list[Made], at_most: float = 0.05, more: int = 0
) -> tuple[Run, Run]:
    """Make two sides that had to exclude a slowdown, with rounds beyond both stages."""
    runs = make_pair(folder, base, new, confirm=15 + more)
    told = json.loads((folder / "ab.json").read_text())
    told |= {"at_most": at_most, "looks": [10, 20, 40, 80]}
    (folder / "ab.json").write_text(json.dumps(told))
    return read(runs[0].folder), read(runs[1].folder)


def test_every_time_has_bounds_and_nothing_else_has(story: tuple[Run, Run]) -> None:
    (found,) = compare(story[0], [story[1]])
    bounded = {r.match.case.variant for r in found.rows if r.slower_at_most is not None}
    assert bounded == {"steady", "slows", "speeds", "wavers"}  # busy is flagged
    assert {r.match.case.variant for r in found.rows if r.within is not None} == bounded
    slows, speeds = row_of(found, "slows"), row_of(found, "speeds")
    assert speeds.slower_at_most == 0.0
    assert slows.ratio is not None
    assert slows.ratio.high is not None
    assert slows.slower_at_most is not None
    assert slows.slower_at_most > slows.ratio.high - 1  # for all at once
    assert slows.within == pytest.approx(slows.ratio.high - 1)
    assert speeds.within is not None
    assert 0.25 < speeds.within < 0.26


def test_a_bound_is_a_statement_of_all_cases(tmp_path: Path) -> None:
    many = [Made(f"v{i}") for i in range(20)]
    alone = row_of(paired(tmp_path / "1", many[:1], many[:1]), "v0").slower_at_most
    among = row_of(paired(tmp_path / "20", many, many), "v0").slower_at_most
    assert alone is not None
    assert among is not None
    assert among > 1.2 * alone


@pytest.mark.parametrize(
    ("slower", "at_most", "word", "code"),
    [
        (1.0, 0.05, "Excluded: none of 2 times", 0),
        (1.03, 0.06, "Regression", 1),
        (1.0, 0.001, "Not excluded: 2 of 2 times", 6),
        (1.0, None, "", 0),
        (1.0, "off", "", 0),
    ],
)
def test_a_limit_fails_what_it_does_not_exclude(
    tmp_path: Path, slower: float, at_most: object, word: str, code: int
) -> None:
    sd = 0.05 if at_most == 0.001 else 0.002
    base = [Made("v", sd=sd), Made("w", sd=sd)]
    new = [Made("v", 1e-3 * slower, sd=sd), base[1]]
    found = compared(*make_pair(tmp_path / "ab", base, new), at_most=at_most)
    assert exit_code([found]) == code
    assert word in f"{verdict_line(found, DEFAULT_GATE)} {gated(found)}"


def test_the_limit_it_was_made_with_counts_until_another_is_asked_for(tmp_path: Path) -> None:
    runs = limited(tmp_path / "ab", [Made("v", sd=0.05)], [Made("v", sd=0.05)], at_most=0.01)
    assert compared(*runs).at_most == 0.01
    assert exit_code([compared(*runs)]) == 6
    assert exit_code([compared(*runs, at_most="off")]) == 0
    assert exit_code([compared(*runs, at_most=0.9)]) == 0


def test_a_time_without_a_bound_is_not_excluded(tmp_path: Path) -> None:
    base = [Made("v"), Made("flagged", flags=["throttled"])]
    found = compared(*make_pair(tmp_path / "ab", base, base), at_most=0.5)
    assert [row.match.case.variant for row in found.not_excluded] == ["flagged"]
    assert excluded(found).startswith("None of 1 case is slower by more than")
    assert excluded(found).endswith("; 1 without a bound.")
    apart = [make(tmp_path / name, [Made("v")]) for name in ("a", "b")]
    assert exit_code([compared(*apart, at_most=0.5)]) == 6
    assert excluded(compared(*apart)) == "No slowdown of any size is excluded: no time has a bound."
    nothing = compared(*make_pair(tmp_path / "none", [Made("v", None)], [Made("v", None)]))
    assert (excluded(nothing), gated(replace(nothing, at_most=0.1))) == ("", "")


def test_more_rounds_exclude_and_accuse_nobody(tmp_path: Path) -> None:
    sides = [Made("v", sd=0.03)], [Made("v", sd=0.03)]
    few, many = (compared(*limited(tmp_path / str(more), *sides, more=more)) for more in (0, 60))
    before, after = row_of(few, "v"), row_of(many, "v")
    assert before.slower_at_most is not None
    assert after.slower_at_most is not None
    assert after.slower_at_most < before.slower_at_most
    assert before.p_value == after.p_value
    assert {before.verdict, after.verdict} <= {"unclear", "same"}


def test_who_goes_on(tmp_path: Path) -> None:
    base = [
        Made("slows"),
        Made("quiet"),
        Made("noisy", sd=0.1),
        Made("flagged", flags=["throttled"]),
    ]
    new = [Made("slows", 1.2e-3), *base[1:]]

    def open_in(name: str, confirm: int) -> list[str]:
        a, b = limited(tmp_path / name, base, new)
        kept = [[x for x in run.attempts if x.round < 5 + confirm] for run in (a, b)]
        for run, attempts in zip((a, b), kept, strict=True):
            run.attempts[:] = attempts
        found = unexcluded(match(versus(a, b), fold(a), fold(b)), 0.02, 0.05, {})
        return [m.case.variant for m in found]

    assert open_in("first", 0) == ["slows", "quiet", "noisy"]  # before any look
    assert open_in("later", 15) == ["noisy"]


def test_a_regression_is_told_first_and_what_is_not_excluded_beside_it(tmp_path: Path) -> None:
    base = [Made("slows"), Made("noisy", sd=0.1)]
    runs = make_pair(tmp_path / "ab", base, [Made("slows", 1.2e-3), base[1]])
    told = verdict_line(compared(*runs, at_most=0.05), DEFAULT_GATE)
    assert told.startswith("Regression: times 1 slower, 1 unclear. Not excluded: 2 of 2 times")


def told_everywhere(found: Comparison, folder: Path) -> dict[str, str]:
    console = Screen(file=io.StringIO(), width=200)
    print_comparison(console, found, DEFAULT_GATE, True)
    table.write([found], DEFAULT_GATE, folder / "comparison.csv")
    return {
        "terminal": console.file.getvalue(),  # type: ignore[attr-defined]
        "markdown": markdown.markdown([found], DEFAULT_GATE),
        "page": strip_scripts(page.render([found], DEFAULT_GATE)),
    }


def test_bounds_are_told_everywhere(tmp_path: Path) -> None:
    cases = [Made(f"v{i}", sd=0.001) for i in range(10)] + [Made("noisy", sd=0.05)]
    found = compared(*limited(tmp_path / "ab", cases, cases))
    sentence = excluded(found)
    assert sentence.startswith("No case is slower by more than ")
    assert "(10 of 11 by at most " in sentence
    for place, text in told_everywhere(found, tmp_path).items():
        plain = text.replace("\\", "")
        assert sentence in plain, place
        assert "Not excluded: 1 of 11 times may be slower by more than 5 %." in plain, place
        assert "within" in plain, place
    frame = pd.read_csv(tmp_path / "comparison.csv")
    times = frame[frame["quantity"] == "time"].set_index("variant")
    assert times.loc["v0", "slower_at_most"] < 0.05 < times.loc["noisy", "slower_at_most"]
    assert times["within"].gt(0).all()
    others = frame[frame["quantity"] != "time"]
    assert others["within"].isna().all()


@pytest.mark.parametrize("width", [80, 100, 119, 120, 200])
def test_a_narrow_terminal_shows_the_change_and_both_bounds(tmp_path: Path, width: int) -> None:
    noisy = [Made("noisy", sd=0.05)]
    console = Screen(file=io.StringIO(), width=width)
    found = compared(*make_pair(tmp_path / "ab", noisy, noisy))
    print_comparison(console, found, DEFAULT_GATE, True)
    words = console.file.getvalue().split()  # type: ignore[attr-defined]
    row = row_of(found, "noisy")
    assert row.within is not None
    assert f"±{upwards(row.within).split()[0]}" in words
    assert any(word.startswith("most") for word in words)
    assert "rounds" in words  # the note comes last


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0 %"),
        (0.04812, "4.9 %"),
        (0.05, "5 %"),
        (0.1201, "13 %"),
        (0.00123, "0.13 %"),
        (2.5, "250 %"),
    ],
)
def test_bounds_are_rounded_upwards(share: float, words: str) -> None:
    assert upwards(share) == words
    assert float(words.split()[0]) / 100 >= share - 1e-12


def test_a_kind_may_have_a_limit_of_its_own(tmp_path: Path) -> None:
    """The case's bound is a few percent: more than its kind's limit, and less than the other."""
    runs = limited(tmp_path / "ab", [Made("v", sd=0.02)], [Made("v", sd=0.02)], at_most=0.9)
    found = compared(*runs)
    kind = kind_of(found.times[0].match.case)
    assert exit_code([found]) == 0
    strict = replace(found, limits={kind: 0.0001})
    assert exit_code([strict]) == 6
    assert f"0.01 % ({kind})" in gated(replace(strict, limits={**strict.limits, "ranks": 0.9}))
    assert exit_code([replace(found, limits={"ranks": 0.0001})]) == 0
