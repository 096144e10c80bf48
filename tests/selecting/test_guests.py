"""User files are guests: what they are called, parse, print or end at import is theirs alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from bench.running.attempts import keep_log
from bench.sides.server import Server
from bench.system.log import KEPT_BYTES, Listener, read_log
from tests.conftest import ROOT, Bench

MINE = """
from bench import variant
from suites.faults.problem import Double

@variant
def mine(problem: Double, *, whose="{whose}"):
    return lambda inputs: inputs[0] * 2
"""
PARSES = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--size", type=int, {more})
size = parser.parse_args().size
"""
WORKLOAD = """
from dataclasses import dataclass
from torch import nn
from suites.precision.training import Training

@dataclass(frozen=True)
class Mine(Training):
    num_steps: int = 12
    def network(self, seed): return nn.Linear(2, 2)
    def draw(self, seed): return ()
    def output(self, network, batch): return network(batch[0])
    {loss}
"""
LOSS = "def loss(self, output, batch): return output.sum()"


@pytest.fixture(name="lister")
def _lister(server: Server) -> Server:
    """Return a server that has imported nothing that a guest's file may shadow."""
    return server


def guest(folder: Path, before: str = "", name: str = "mine.py", whose: str = "me") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(before + MINE.format(whose=whose))
    return folder / name


def listed(bench_here: Bench, *words: object) -> list[str]:
    done = bench_here("list", *words, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_file_that_parses_its_command_line_finds_it_empty(
    bench_here: Bench, tmp_path: Path
) -> None:
    (found,) = listed(bench_here, guest(tmp_path, PARSES.format(more="default=3")))
    assert found.startswith("mine/mine")


@pytest.mark.parametrize(
    ("before", "complaint"),
    [
        (
            PARSES.format(more="required=True"),
            "line 5: sys.exit(2) at import, saying 'mine.py: error: the following arguments are "
            "required: --size'",
        ),
        ("import sys\nsys.exit('needs a moon')", "line 2: sys.exit, saying 'needs a moon'"),
        ("raise SystemExit", "line 1: sys.exit(None) at import, saying nothing"),
        ("print('no\\n\\nmoon')\nexit(0)", "line 2: sys.exit(0) at import, saying 'moon'"),
        ("raise KeyboardInterrupt('mine')", "line 1: KeyboardInterrupt: mine"),
        ("class Own(BaseException): ...\nraise Own('x')", "line 2: Own: x"),
        ("x = 1\ninput('which? ')", "line 2: EOFError"),
        ("import os\nos._exit(7)", "exited with status 7 without a result"),
        ("raise ValueError('two\\nlines ' * 10_000)", "line 1: ValueError: two lines two lines"),
        ("import sys\nsys.exit('two\\nlines')", "line 2: sys.exit, saying 'two lines'"),
        ("import json\njson.loads('{')", "line 2: JSONDecodeError"),
    ],
)
def test_a_file_that_ends_its_import_is_named_and_quoted(
    bench_here: Bench, tmp_path: Path, before: str, complaint: str
) -> None:
    done = bench_here("list", guest(tmp_path, before + "\n"))
    assert done.returncode == 2
    assert "mine.py" in done.stderr
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("loss", "complaint"),
    [(LOSS, "def mine(problem: Mine)`, like those in suites.precision"), ("", "without loss")],
)
def test_a_workload_alone_is_told_what_to_add(
    bench_here: Bench, tmp_path: Path, loss: str, complaint: str
) -> None:
    (tmp_path / "mine.py").write_text(WORKLOAD.format(loss=loss))
    done = bench_here("run", tmp_path / "mine.py")
    assert done.returncode == 2
    assert "the problem Mine" in done.stderr
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_two_files_of_one_name_are_two_suites_with_neighbours_of_their_own(
    bench_here: Bench, tmp_path: Path
) -> None:
    files = []
    for folder in ("a", "b"):
        files.append(guest(tmp_path / folder, "from common import WHOSE\n"))
        (tmp_path / folder / "common.py").write_text(f"WHOSE = '{folder}'\n")
        with (tmp_path / folder / "mine.py").open("a") as stream:
            stream.write(f"assert WHOSE == '{folder}'\n")
    found = listed(bench_here, *files, files[0])
    assert [name.partition("/")[0] for name in found] == ["a.mine", "b.mine"]


@pytest.mark.parametrize(
    "name", ["attention.py", "random.py", "torch.py", "bench.py", "my file.é.py", "user_file_x.py"]
)
def test_a_file_may_have_any_name(bench_here: Bench, tmp_path: Path, name: str) -> None:
    found = bench_here("list", guest(tmp_path, name=name)).stdout.splitlines()
    suite = "attention.py" if name == "attention.py" else name.removesuffix(".py")
    assert [line.partition("/mine[")[0] for line in found] == [suite]


def test_a_package_that_ends_its_import_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "ways").mkdir()
    (tmp_path / "ways" / "__init__.py").write_text(PARSES.format(more="required=True"))
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from touchstone import main; main()", "list", "ways.more"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
    )
    assert done.returncode == 2
    assert f"{tmp_path}/ways/__init__.py, line 5: sys.exit(2) at import" in done.stderr
    assert "required: --size" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("beside", [True, False])
def test_packages_named_like_the_tools_do_not_meet_them(tmp_path: Path, beside: bool) -> None:
    """On PYTHONPATH or beside the file: the tool has its own, and the file its `reports`."""
    home = tmp_path / "mine"
    for name in ("reports", "tests", "bench", "suites"):
        (home / name).mkdir(parents=True)
        (home / name / "__init__.py").write_text("WHOSE = 'mine'\n")
    for name in ("tempfile", "random", "dataclasses"):
        (home / f"{name}.py").write_text("raise RuntimeError('not the library')\n")
    file = guest(
        home if beside else tmp_path,
        "import reports, tests\nassert reports.WHOSE == tests.WHOSE == 'mine'\n",
        whose="theirs",
    )
    path = "" if beside else str(home)
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from touchstone import main; main()", "list", str(file)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    assert "mine/mine[whose=theirs]/Double" in done.stdout


def test_the_door_works_whatever_module_lies_on_the_path(tmp_path: Path) -> None:
    """A module named like a standard one breaks no command that needs no worker."""
    for name in ("random", "tempfile", "inspect", "dataclasses", "typer", "reports", "bench"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not the library')\n")
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from touchstone import main; main()", "show", "nowhere"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )
    assert done.returncode == 2, done.stderr
    assert "no run folder at nowhere" in done.stderr


def test_what_a_file_prints_at_import_is_cut(bench_here: Bench, tmp_path: Path) -> None:
    file = guest(tmp_path, "print('begun'); print('word ' * 1_000_000); print('ended')\n")
    done = bench_here("list", file)
    assert done.returncode == 0
    assert len(done.stderr) < 6000
    for words in ("begun", "ended", "bytes are left out here"):
        assert words in done.stderr


def test_a_long_log_is_cut_in_the_middle_and_says_by_how_much(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "00001-time.txt"
    log.parent.mkdir()
    log.write_bytes(b"begun" + b"\xff" * 5_000_000 + b"ended")
    text = read_log(log)
    assert text.startswith("begun")
    assert text.endswith("ended")
    assert f"{5_000_010 - KEPT_BYTES} bytes are left out here" in text
    assert keep_log(log) == "logs/00001-time.txt"
    assert log.stat().st_size < 4 * KEPT_BYTES
    log.write_text("short é")
    assert read_log(log) == "short é"


FLOODS = """
from bench import variant
from suites.faults.problem import Double

def flood(inputs):
    import os
    print("begun", flush=True)
    while True:
        os.write(2, b"word " * 20_000)

@variant
def floods(problem: Double):
    return flood
"""


def test_a_log_holds_what_is_kept_while_a_step_floods_it(server: Server, tmp_path: Path) -> None:
    """A disk never sees what would be cut; where one stood when its time was up is in the log."""
    log = tmp_path / "log.txt"
    sizes: list[int] = []
    watch = threading.Event()

    def look() -> None:
        while not watch.wait(0.1):
            sizes.append(log.stat().st_size if log.exists() else 0)

    looking = threading.Thread(target=look)
    looking.start()
    reply = server.attempt(asked_of(tmp_path, FLOODS, "floods", timeout_s=2))
    watch.set()
    looking.join()
    assert reply["outcome"] == "timeout"
    assert 0 < max(sizes) <= KEPT_BYTES // 2
    said = log.read_text()
    assert log.stat().st_size <= KEPT_BYTES
    assert said.startswith("begun\nword word")
    assert "bytes are left out here" in said
    assert "in flood" in said


def test_a_listener_keeps_both_ends_and_counts_what_it_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    listener = Listener(str(log), 1256)
    said = bytes(range(48, 58)) * 1000
    for start in range(0, len(said), 700):
        os.write(listener.writer, said[start : start + 700])
        assert listener.listen()
        assert log.stat().st_size <= 500
    assert not listener.listen()
    assert not listener.at_end
    os.close(listener.writer)
    listener.close()
    assert listener.at_end
    assert (
        log.read_bytes()
        == said[:500] + "\n[… 9000 bytes are left out here …]\n".encode() + said[-500:]
    )


def test_a_log_that_cannot_be_written_costs_itself_only(tmp_path: Path) -> None:
    for log in (tmp_path / "nowhere" / "log.txt", Path("/dev/full")):
        listener = Listener(str(log))
        os.write(listener.writer, b"words")
        os.close(listener.writer)
        listener.close()
        assert listener.at_end


def test_a_step_that_leaves_is_a_crash_with_its_words(server: Server, tmp_path: Path) -> None:
    leaves = MINE.format(whose="me").replace("inputs[0] * 2", "exit('no moon')")
    reply = server.attempt(asked_of(tmp_path, leaves, "mine"))
    assert (reply["outcome"], reply["detail"]) == ("crash", "left by sys.exit('no moon')")


def asked_of(folder: Path, text: str, variant: str, timeout_s: float = 60) -> dict[str, Any]:
    """Write a guest's file into a folder; return the request that checks its variant there."""
    file = folder / "mine.py"
    file.write_text(text)
    case = {
        "suite": "mine",
        "variant": variant,
        "module": str(file),
        "problem": "Double",
        "values": {},
    }
    log = str(folder / "log.txt")
    return {"case": case, "role": "check", "timeout_s": timeout_s, "log": log}
