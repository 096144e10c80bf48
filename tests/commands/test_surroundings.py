"""Every command in every surroundings: no traceback, and the exit code that the command means."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from itertools import product
from pathlib import Path

import pytest

from bench.store import read
from tests.conftest import BENCH, LOCKS, ROOT, Bench
from tests.made_runs import Made, make, make_pair

# Words and exit code of each command; {same} and {worse} are folders. Those that measure are asked
# for no more than what is done before that.
COMMANDS: dict[str, tuple[str, int]] = {
    "list": ("suites.faults --device cpu", 0),
    "run": ("suites.faults/none --dry-run --device cpu", 0),
    "ab": ("attention/math attention/sdpa_math --dry-run --preset smoke --device cpu", 0),
    "compare": ("{worse}", 1),
    "explain": ("{worse}", 0),
    "show": ("{same}", 0),
    "report": ("{same}", 0),
    "claims": ("{same}", 0),
    "calibrate": ("--threads 0", 2),
    "selftest": ("--preset smokey", 2),
    "profile": ("suites.faults/none-such --device cpu", 2),
    "doctor": ("", 0),
    "gpucheck": ("--only nothing-of-that-name", 2),
    "plan": ("--params 7.5e9 --ranks 64", 0),
}
# What may be set, and (as None) what may be lacking.
# -O is for the slow tests: Python compiles torch anew for it, in every fresh environment.
BARE: dict[str, str | None] = {
    **{"HOME": None, "XDG_CACHE_HOME": "", "TMPDIR": ""},
    **{"PYTHONIOENCODING": "ascii"},
}
ODD_SHELLS: dict[str, Mapping[str, str | None]] = {
    "no home, ASCII, -O": {**BARE, "PYTHONOPTIMIZE": "1"},
    "a home that is not there, Latin-1, -OO": {
        **{"HOME": "/nowhere/at/all", "XDG_CACHE_HOME": "relative"},
        **{"PYTHONIOENCODING": "latin-1", "PYTHONOPTIMIZE": "2"},
    },
    "the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a terminal's colours, 20 columns": {"FORCE_COLOR": "1", "COLUMNS": "20", "TERM": "dumb"},
    "no colours, no terminal": {"NO_COLOR": "1", "TERM": None, "LANG": None},
}

STREAMS = {
    "stdout closed": ("{} >&-", None),
    "stderr closed": ("{} 2>&-", None),
    "all closed": ("{} <&- >&- 2>&-", None),
    "stdout cut": ("{} | head -1; exit ${{PIPESTATUS[0]}}", None),
    "stdout gone at once": ("{} | true; exit ${{PIPESTATUS[0]}}", None),
    "stdout full": ("{} > /dev/full", 4),
    "stderr full": ("{} 2> /dev/full", None),
}
TELLING = ("all closed", "stdout cut", "stdout full")  # the others are slow tests


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a run, and a comparison in which a case got worse."""
    parent = tmp_path_factory.mktemp("a folder with spaces, é and ~")
    same = make(parent / "same", [Made("v"), Made("w", 2e-3), Made("x", outcome="error")])
    base, worse = [Made("v"), Made("w")], [Made("v", 2e-3), Made("w")]
    make_pair(parent / "worse", base, worse)
    return {"same": same.folder, "worse": parent / "worse"}


def line_of(command: str, folders: dict[str, Path]) -> str:
    words = COMMANDS[command][0].format(**{n: shlex.quote(str(p)) for n, p in folders.items()})
    return f"{shlex.join([*BENCH, command])} {words}"


def in_shell(
    line: str, environment: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[bytes]:
    told = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        cwd=ROOT,
        timeout=300,
        env={name: value for name, value in told.items() if value is not None},
    )


def expect(done: subprocess.CompletedProcess[bytes], code: int) -> None:
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == code, said
    assert "Traceback" not in said
    assert b"Traceback" not in done.stdout
    if code in (2, 4):  # stderr itself may be what is closed
        assert said.count("error: ") <= 1


def test_every_command_has_its_words_here() -> None:
    assert {point.name for point in entry_points(group="touchstone.commands")} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_an_odd_shell(command: str, folders: dict[str, Path]) -> None:
    done = in_shell(f"umask 077; {line_of(command, folders)} <&-", BARE)
    expect(done, COMMANDS[command][1])
    assert (done.stdout + done.stderr).isascii()
    assert b"?" not in done.stdout.replace(b"What is fastest?", b"")


@pytest.mark.slow
@pytest.mark.parametrize("shell", ODD_SHELLS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_every_shell(command: str, shell: str, folders: dict[str, Path]) -> None:
    expect(in_shell(line_of(command, folders), ODD_SHELLS[shell]), COMMANDS[command][1])


@pytest.mark.parametrize(
    ("command", "streams"), [*product(["show"], TELLING), ("compare", "stdout cut")]
)
def test_streams_do_not_decide(command: str, streams: str, folders: dict[str, Path]) -> None:
    shape, lost = STREAMS[streams]
    code = COMMANDS[command][1]
    expect(in_shell(shape.format(line_of(command, folders))), code or lost or 0)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "streams"), [*product(COMMANDS, STREAMS)])
def test_streams_never_decide(command: str, streams: str, folders: dict[str, Path]) -> None:
    test_streams_do_not_decide(command, streams, folders)


@pytest.mark.slow
@pytest.mark.parametrize("shell", ODD_SHELLS)
def test_a_run_in_every_shell(shell: str, tmp_path: Path) -> None:
    words = ["run", "suites.faults/none", "suites.faults/segfault", "--rounds", "2"]
    line = shlex.join([*BENCH, *words, "--device", "cpu", "--output", str(tmp_path / "runs")])
    expect(in_shell(f"{line} <&- | head -1; exit ${{PIPESTATUS[0]}}", ODD_SHELLS[shell]), 0)
    (folder,) = (tmp_path / "runs").iterdir()
    assert (folder / "report.html").exists()


def test_a_fault_of_the_tool_is_one_line_and_its_own_code(
    bench_here: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug\nin two lines\x1b[2J")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("reports.commands.newest", broken)
    done = bench_here("show")
    assert done.returncode == 70
    assert len(done.stderr.splitlines()) == 1
    assert (
        "ZeroDivisionError: a bug\\nin two lines\\x1b[2J (test_surroundings.py, line" in done.stderr
    )
    (kept,) = tmp_path.glob("touchstone-fault-*.txt")
    assert str(kept) in done.stderr
    assert "Traceback" in kept.read_text()


def test_a_fault_without_a_file_to_keep_it_is_told_whole(
    bench_here: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setattr("reports.commands.newest", broken)
    done = bench_here("show")
    assert done.returncode == 70
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (MemoryError(), 70),
        (SystemExit(1), 70),
        (SystemExit("words"), 70),
        (ImportError("no such library"), 70),
        (PermissionError(13, "Permission denied", "file"), 4),
        (BrokenPipeError(32, "Broken pipe"), 70),
        (AssertionError(), 70),
    ],
)
def test_only_what_got_worse_is_1(
    bench_here: Bench,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException,
    code: int,
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("reports.commands.newest", broken)
    assert bench_here("show").returncode == code


def test_a_library_that_is_missing_has_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('typer is broken here')")
    done = in_shell(shlex.join([*BENCH, "show"]), {"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert done.returncode == 70
    assert b"ImportError: typer is broken here" in done.stderr
    assert len(done.stderr.splitlines()) == 1


UNSPELLABLE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
MINE = """
from bench import variant
from suites.faults.problem import Double

@variant
def mine(problem: Double):
    print("naïve \\N{SNOWMAN}")
    return lambda inputs: inputs[0] * 2
"""


@pytest.mark.slow
def test_names_of_files_are_utf8_whatever_the_locale_says(tmp_path: Path) -> None:
    """The output is in the locale's encoding all the same; what a guest prints is no error."""
    folder = tmp_path / "é ~1"
    folder.mkdir()
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    own_locks = f"from bench.running import lock; lock.PREFIX = {LOCKS!r}"
    door = f"{own_locks}; from touchstone import main; main()"
    words = ["run", str(folder / "mine.py"), "--device", "cpu", "--rounds", "2", "--output"]
    done = in_shell(
        shlex.join([sys.executable, "-P", "-c", door, *words, str(folder / "runs")]), UNSPELLABLE
    )
    expect(done, 0)
    assert (done.stdout + done.stderr).isascii()
    (run,) = (folder / "runs").iterdir()
    found = read(run)
    assert {attempt.outcome for attempt in found.attempts} == {"ok"}
    assert found.manifest.cases[0].module.endswith("/é ~1/mine.py")
    assert any("naïve ☃" in log.read_text("utf-8") for log in (run / "logs").iterdir())
