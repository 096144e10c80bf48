"""User files are guests: what they are called, parse, print or end at import is theirs alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.sides.server import Server
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
