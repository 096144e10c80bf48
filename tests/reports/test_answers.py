"""What a report says first: a suite's own answers, what is fastest without, and never a crash."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from bench.judging.answer import Answer
from bench.judging.record import Record, fold
from bench.store import Run, read
from bench.system.terminal import Screen
from reports import answers, html
from reports.answers import opening
from reports.fastest import families
from reports.table import table
from reports.terminal import summarise
from tests.made_runs import Made, make
from tests.reports.browsing import strip_scripts
from tests.reports.golden import GOLDEN

ADDING = Path(__file__).parents[2] / "docs" / "adding.md"
PUBLISHED = [p.parent for p in (Path(__file__).parents[2] / "reports/published").glob("*/run.json")]


def said(tmp_path: Path, *cases: Made) -> str:
    (answer,) = opening(fold(make(tmp_path / "run", list(cases)))).answers
    return answer.sentence


def test_a_clear_winner(tmp_path: Path) -> None:
    found = said(tmp_path, Made("fast", 1e-3), Made("slow", 2e-3))
    assert found.startswith("Fastest: fast (")
    assert found.endswith("× as fast as the next).")


def test_several_winners_and_a_tie(tmp_path: Path) -> None:
    sized = [Made(v, t, size=n) for n in (1, 2) for v, t in (("a", 1e-3), ("b", 2e-3))]
    tie = [Made(f"way_{i}", 1e-3, sd=0.05, size=3) for i in range(5)]
    found = said(tmp_path, *sized, *tie)
    assert "a (in 2 of 3 questions, " in found
    assert "In 1 of 3 questions the fastest tie, as way_" in found
    assert "and 3 others do (" in found


def test_one_round_tells_nothing_and_says_what_would(tmp_path: Path) -> None:
    found = said(tmp_path, Made("a", 1e-3, rounds=1), Made("b", 5e-3, rounds=1))
    assert found == "a and b tie (two rounds or more would tell)."


def test_without_rivals_and_with_failures_alone(tmp_path: Path) -> None:
    lone = opening(fold(make(tmp_path / "lone", [Made("a", 1e-3)]))).answers[0]
    assert lone.sentence == "No question has two timed answers, so nothing is ranked."
    failed = [Made(v, outcome="crash", detail="it died") for v in "ab"]
    (none,) = opening(fold(make(tmp_path / "failed", failed))).answers
    assert none.sentence == "Nothing was measured; below is why."


def test_flags_bar_a_ranking_and_are_told(tmp_path: Path) -> None:
    found = said(tmp_path, *(Made(v, 1e-3, flags=["contended"]) for v in "ab"))
    assert found == "No time is ranked: of the cases measured, 2 contended."


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the suite `made` answers of its own, as an installed package would."""
    module = ModuleType("made_answers")
    monkeypatch.setitem(sys.modules, "made_answers", module)
    point = EntryPoint("made", "made_answers", "touchstone.answers")

    def points(group: str, name: str) -> list[EntryPoint]:
        assert group == "touchstone.answers"
        return [point] if name == "made" else []

    monkeypatch.setattr(answers, "entry_points", points)
    return module


def test_a_suite_answers_its_own_question(tmp_path: Path, own: ModuleType) -> None:
    records = fold(make(tmp_path / "run", [Made("a", 1e-3), Made("b", 2e-3)]))
    own.QUESTION = "Which one?"  # type: ignore[attr-defined]
    own.answers = lambda rs: [Answer(f"Take {r.case.variant}.", [r]) for r in rs] * 3  # type: ignore[attr-defined]
    found = opening(records)
    assert found.question == "Which one?"
    assert [answer.sentence for answer in found.answers] == ["Take a.", "Take b.", "Take a."]
    assert found.answers[0].rows == ["a size=64 float32 fwd"]


def test_another_suite_of_its_kind_speaks_of_a_users_own(tmp_path: Path, own: ModuleType) -> None:
    own.QUESTION = "Which one?"  # type: ignore[attr-defined]
    own.answers = lambda rs: [Answer(f"Take {rs[0].case.variant} of {len(rs)}.", rs)]  # type: ignore[attr-defined]
    records = fold(make(tmp_path / "run", [Made("a", 1e-3), Made("b", 2e-3)]))
    other = [replace(r, case=replace(r.case, suite="other")) for r in records]
    assert opening(other).question == "What is fastest?"
    theirs = [replace(r, case=replace(r.case, posed_by="made")) for r in other[:1]]
    found = opening([*theirs, *other[1:]])
    assert (found.question, found.answers[0].sentence) == ("Which one?", "Take a of 1.")


def test_a_suite_tells_columns_of_its_own(tmp_path: Path, own: ModuleType) -> None:
    run = make(tmp_path / "run", [Made("a", 1e-3), Made("b", 2e-3)])
    records = fold(run)
    own.answers = lambda rs: []  # type: ignore[attr-defined]
    own.columns = lambda rs: {"rank": {rs[1].case.id: 1}, "time_s": {rs[0].case.id: 0}}  # type: ignore[attr-defined]
    found = table(run, records)
    assert [*found["rank"].isna()] == [True, False]
    assert found["rank"][1] == 1
    assert (found["time_s"] > 0).all()  # the table's own
    own.columns = lambda rs: {"rank": {rs[0].case.id: None}}  # type: ignore[attr-defined]
    assert "rank" not in table(run, records)
    told = opening(records).answers[-1].sentence
    assert told.startswith("The columns of made could not be made: TypeError: ")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out of a page what has nothing to do with its words, and takes seconds."""
    for bundle in ("vega_bundle", "datatable_scripts"):
        monkeypatch.setattr(html, bundle, lambda: "")
    monkeypatch.setattr(html, "datatable", lambda frame, records: "")
    monkeypatch.setattr(html, "charts", lambda suite, rows, samples: [])


def test_the_example_of_the_docs_answers(tmp_path: Path, own: ModuleType) -> None:
    blocks = re.findall(r"```python\n(.*?)```", ADDING.read_text(), re.DOTALL)
    (source,) = [block for block in blocks if "bench.answers" in block]
    exec(source.replace("values['n']", "values['size']"), vars(own))
    cases = [Made(v, 1e-3 * f, size=n) for n in (1, 2) for v, f in (("a", 1), ("b", 1 + n % 2))]
    won, tie = opening(fold(make(tmp_path / "run", cases))).answers
    assert re.fullmatch(r"At 1 numbers take a, [\d.–]+× as fast as the next\.", won.sentence)
    assert re.fullmatch(r"At 2 numbers [ab] and [ab] tie \(.+\)\.", tie.sentence)


def raising(records: list[Record]) -> list[Answer]:
    raise KeyError("no such\nquantity")


@pytest.mark.parametrize("wrong", [raising, lambda _: ["a text"], lambda _: 7])
def test_answers_that_raise_cost_themselves_alone(
    tmp_path: Path, own: ModuleType, bare: None, wrong: object
) -> None:
    own.answers = wrong  # type: ignore[attr-defined]
    run = make(tmp_path / "run", [Made("a", 1e-3), Made("b", 2e-3)])
    (answer,) = opening(fold(run)).answers
    assert answer.sentence.startswith("The answers of made could not be made: ")
    assert "\n" not in answer.sentence
    assert answer.sentence.split(":")[0] in strip_scripts(html.render(run, fold(run)))


def test_no_answers_of_its_own_leave_what_is_fastest(tmp_path: Path, own: ModuleType) -> None:
    own.answers = lambda _: []  # type: ignore[attr-defined]
    assert said(tmp_path, Made("a", 1e-3), Made("b", 2e-3)).startswith("Fastest: a (")


def printed(run: Run, records: list[Record], width: int) -> str:
    screen = Screen(file=io.StringIO(), width=width, force_terminal=False)
    summarise(screen, run, records)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def squeezed(text: str) -> str:
    return "".join(text.split()).replace("•", "")


@pytest.mark.parametrize("folder", [GOLDEN, *PUBLISHED], ids=lambda path: path.name)
def test_the_terminal_says_the_same_at_any_width(folder: Path) -> None:
    run = read(folder)
    records = fold(run)
    suites = dict.fromkeys(record.case.suite for record in records)
    said = [a.sentence for s in suites for a in opening(records_of(records, s)).answers]
    for width in (80, 120):
        told = printed(run, records, width)
        assert max(map(len, told.splitlines())) <= width
        assert all(squeezed(sentence) in squeezed(told) for sentence in said)


def records_of(records: list[Record], suite: str) -> list[Record]:
    return [record for record in records if record.case.suite == suite]


@pytest.mark.parametrize("width", [50, 80, 200])
def test_a_long_name_is_wrapped_and_never_cut(tmp_path: Path, width: int) -> None:
    long = "a_strategy_whose_name_is_much_longer_than_others"
    cases = [Made(v, 1e-3, sd=0.3, rounds=2) for v in (long, f"{long}_too", "c")]
    run = make(tmp_path / "run", cases)
    told = printed(run, fold(run), width).splitlines()
    assert max(map(len, told)) <= width
    (family,) = families(fold(run))
    (line,) = family.answers
    cells = (
        line.size or "as above",
        line.tie,
        line.time,
        line.interval,
        line.next_factor,
        line.next,
    )
    start = next(i for i, text in enumerate(told) if "next takes" in text) + 1
    end = next(i for i, text in enumerate(told) if "cases measured" in text)
    assert sorted(squeezed("".join(told[start:end]))) == sorted(squeezed("".join(cells)))


def test_the_page_has_the_sentences(run: Run, records: list[Record], bare: None) -> None:
    page = strip_scripts(html.render(run, records))
    (answer,) = opening(records_of(records, "attention")).answers
    assert page.count(answer.sentence) == 2  # at the top, and in its suite's section
    alone = strip_scripts(html.render(run, records_of(records, "attention")))
    assert alone.count(answer.sentence) == 1
