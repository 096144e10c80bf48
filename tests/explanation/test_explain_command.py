"""`bench explain`: what it prints and appends, what it refuses, and where else it is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import typer

from bench.checking.structure.structure import Structure
from bench.errors import UserError
from bench.judging.comparing.quantities import DEFAULT_GATE
from bench.store import Run, read
from reports.comparison import explaining, markdown, page
from reports.comparison.why import MOST, NO_CAUSE, NOTHING
from tests.conftest import BENCH
from tests.explanation.made_profiles import with_profile
from tests.judging.made_pairs import compared
from tests.made_runs import Made, make, make_pair
from tests.profiling.made_traces import training_step

HOSTILE = "<script>alert(1)</script>|*x*\n# y"
BASE = Structure(operators={"mm float32": 2})
NEW = Structure(operators={"mm float32": 2, "_softmax float32": 1})


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Run, Run]:
    """Return a case that slowed in one operator, one that does more, one as it was."""
    base = [Made("slow", 100e-6), Made("does", structure=BASE), Made("same")]
    new = [Made("slow", 150e-6), Made("does", 2e-3, structure=NEW), Made("same")]
    a, b = make_pair(tmp_path / "ab", base, new)
    traced = with_profile(a, base[0], training_step())
    return traced, with_profile(b, new[0], training_step(slower=50))


def command_line(*words: object) -> int:
    """Run `bench explain WORDS…` in this process; return its exit code."""
    app = typer.Typer()
    app.command()(explaining.explain)
    try:
        code = app(list(map(str, words)), standalone_mode=False)
    except UserError as error:
        return error.exit_code
    return code if isinstance(code, int) else 0


def test_it_says_why(
    sides: tuple[Run, Run],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    summary = tmp_path / "s.md"
    summary.write_text("before\n")
    assert command_line(tmp_path / "ab", "--summary", summary) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    whole = " ".join(said.split())
    assert "aten::mm (forward) 20 µs → 70 µs a step" in whole
    assert "no share what a call does 2 operators became 3: +1 _softmax float32" in whole
    assert "100% unexplained no trace of it in BASE: no cause has a share" in whole
    assert "same" not in said.replace("the same", "")
    told = summary.read_text()
    assert told.startswith("before\n### Why working tree differs from main\n")
    assert "| unexplained | " in told


def test_a_narrow_terminal_has_lines(
    sides: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert command_line(sides[0].folder.parent, "made/does") == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 30
    assert "no share what a call does: 2 operators became 3" in " ".join(said.split())


@pytest.mark.parametrize(
    ("case", "seen"),
    [
        ("made/slow", ["made/slow"]),
        ("made/s*", ["made/slow", "made/same"]),
        ("made/same/Question(size=64)/float32/fwd/cpu,threads=1,warm", ["made/same"]),
    ],
)
def test_a_case_can_be_named(
    sides: tuple[Run, Run], capsys: pytest.CaptureFixture[str], case: str, seen: list[str]
) -> None:
    assert command_line(sides[0].folder, sides[1].folder, case) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert [line for line in lines if line.startswith("made/")] == seen
    assert (NO_CAUSE in lines) == ("made/same" in seen)
    assert ("Shares are of" in out) == (seen != ["made/same"])  # where any is told


def test_what_cannot_be_is_one_line(sides: tuple[Run, Run], tmp_path: Path) -> None:
    folder = tmp_path / "ab"
    assert command_line(folder, "made/slwo") == 2
    assert command_line(folder, "made/slow", "made/same") == 2
    assert command_line(folder / "A") == 2
    assert command_line(folder / "A", tmp_path / "nowhere") == 2
    assert command_line(folder, "--summary", tmp_path / "no" / "s.md") == 4
    done = subprocess.run(
        [*BENCH, "explain", folder, "made/slwo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert (
        line == "error: unknown case 'made/slwo'; did you mean made/slow or made/same or made/does?"
    )


def test_nothing_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pair(tmp_path / "ab", [Made("v")], [Made("v")])
    summary = tmp_path / "s.md"
    assert command_line(tmp_path / "ab", "--summary", summary) == 0
    assert NOTHING in capsys.readouterr().out
    assert NOTHING in summary.read_text()
    assert "Why" not in markdown.markdown([compared(*_again(tmp_path))], DEFAULT_GATE)


def _again(folder: Path) -> tuple[Run, Run]:
    return read(folder / "ab" / "A"), read(folder / "ab" / "B")


def test_other_machines_only_by_force(tmp_path: Path) -> None:
    make(tmp_path / "a", [Made("v")])
    make(tmp_path / "b", [Made("v", 2e-3)], environment={"machine_id": "another"})
    assert command_line(tmp_path / "a", tmp_path / "b") == 2
    assert command_line(tmp_path / "a", tmp_path / "b", "--force") == 0


def test_a_comparison_tells_it_too(sides: tuple[Run, Run]) -> None:
    found = compared(*sides)
    for told in (markdown.markdown([found], DEFAULT_GATE), page.render([found], DEFAULT_GATE)):
        assert "20 µs → 70 µs a step" in told
        assert "unexplained" in told
        assert told.index("What changed" if "<h3>" in told else "| verdict |") < told.index("Why")


def test_a_summary_is_bounded_and_hostile_text_stays_text(tmp_path: Path) -> None:
    structures = [Structure(operators={"mm": 1}), Structure(operators={"mm": 1, HOSTILE: 1})]
    base, new = (
        [Made(f"v{n}", time, structure=structure) for n in range(MOST + 2)]
        for time, structure in zip((1e-3, 2e-3), structures, strict=True)
    )
    found = compared(*make_pair(tmp_path / "ab", base, new))
    told = markdown.markdown([found], DEFAULT_GATE)
    assert told.count("| unexplained |") == MOST
    assert "and 2 more: see bench explain" in told
    assert "<script" not in told
    assert "\n# y" not in told
    body = page.render([found], DEFAULT_GATE)
    assert "<script>alert(1)" not in body
