"""`bench compare`: what it prints and writes, where to, and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
import typer

from bench.errors import UserError
from bench.judging.comparing.quantities import parse_gate
from bench.store import Run
from bench.system.terminal import Screen
from reports.comparison import command
from reports.comparison.conclude import conclude
from tests.made_runs import Made, make


def conclusion(story: tuple[Run, Run], folder: Path, **options: object) -> tuple[int, str]:
    console = Screen(file=io.StringIO(), width=160)
    code = conclude(console, *story, folder, **options)  # type: ignore[arg-type]
    return code, console.file.getvalue()  # type: ignore[attr-defined]


def test_conclude_prints_and_writes(story: tuple[Run, Run], tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    code, text = conclusion(story, tmp_path / "out" / "deep", margin=0.02, summary=summary)
    assert code == 1
    written = sorted(path.name for path in (tmp_path / "out" / "deep").iterdir())
    assert written == ["comparison.csv", "comparison.html", "comparison.md"]
    assert summary.read_text() == "before\n" + (tmp_path / "out/deep/comparison.md").read_text()
    assert "working tree against main" in text
    assert "Regression: cases 1 broken" in text
    assert "over 4 of 8 cases" in text
    assert text.index("slows") < text.index("speeds")
    assert "rounds a side would settle it" in text
    code, text = conclusion(story, tmp_path / "again", gate=(), show_all=True)
    assert code == 1  # a broken case
    assert "Not shown" not in text


def test_a_comparison_that_cannot_be_written_is_told(
    story: tuple[Run, Run], tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match="cannot write") as told:
        conclusion(story, tmp_path / "taken")
    assert told.value.exit_code == 4
    with pytest.raises(UserError, match="cannot write"):
        conclusion(story, tmp_path / "fine", summary=tmp_path / "no" / "folder.md")


def command_line(*words: object) -> int:
    """Run `bench compare WORDS…` in this process; return its exit code."""
    app = typer.Typer()
    app.command()(command.compare)
    try:
        code = app(list(map(str, words)), standalone_mode=False)
    except UserError as error:
        return error.exit_code
    return code if isinstance(code, int) else 0


def test_one_folder_of_a_paired_comparison_is_enough(
    story: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = story[0].folder.parent
    assert command_line(folder, "--summary", tmp_path / "s.md") == 1
    assert (folder / "comparison.html").is_file()
    assert (tmp_path / "s.md").read_text().startswith("### working tree against main")
    assert not (tmp_path / "runs").exists()
    assert command_line(folder, "-k", "steady", "--gate", "time,errors") == 0
    assert command_line(folder / "A", folder / "B", "-k", "tf32") == 3


def test_outputs_of_runs_apart_have_a_folder_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two", "three"):
        make(tmp_path / name, [Made("v")])
    assert command_line("one", "two") == 0
    assert (tmp_path / "runs/comparisons/one--two/comparison.csv").is_file()
    assert command_line("one", "two", "three", "--output", "here") == 0
    frame = pd.read_csv(tmp_path / "here" / "comparison.csv")
    assert list(frame["new_run"]) == ["two", "three"]


@pytest.mark.parametrize(
    "words",
    [
        ["one"],
        ["one", "nothing-here"],
        ["one", "one", "--gate", "tim"],
        ["one", "one", "--margin", "0"],
        ["one", "other"],
    ],
)
def test_bad_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "one", [Made("v")])
    make(tmp_path / "other", [Made("v")], environment={"machine_id": "x"})
    assert command_line(*words) == 2
    assert not (tmp_path / "runs").exists()


def test_a_forced_comparison_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "one", [Made("v", values={"peak": 1.0})])
    make(tmp_path / "other", [Made("v", values={"peak": 2.0})], environment={"machine_id": "x"})
    assert command_line("one", "other", "--force") == 1
    assert command_line("one", "other", "--force", "--gate", "time") == 0


def test_gates_are_read() -> None:
    assert parse_gate("time, memory") == ("time", "memory")
    assert parse_gate("none") == ()
