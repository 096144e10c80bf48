"""`bench ab` of two commits of a user's: what is measured, written down and refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from bench.judging.reducing import told
from bench.running.pairing.contenders import sort_of
from bench.store.known_noise import CLOCKS
from bench.store.paired import read_pairing
from bench.system.scratch import PREFIX
from tests.conftest import BENCH, ROOT, Bench
from tests.running.users_repository import NEW, OLD, Repository, outcomes, sides


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return a repository whose second commit breaks a way, drops one and adds one."""
    repository = Repository(tmp_path_factory.mktemp("mine"))
    repository.commit(mine=OLD)
    repository.commit(mine=NEW)
    return repository


@pytest.fixture(scope="module")
def compared(bench: Bench, mine: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a comparison of the two commits."""
    output = tmp_path_factory.mktemp("compared")
    temporary = tmp_path_factory.mktemp("temporary")
    words = ["ab", "HEAD~1", "HEAD", "mine.py", "--device", "cpu", "--rounds", 3, "--seed", 3]
    os.environ["TMPDIR"], before = str(temporary), os.environ.get("TMPDIR")
    try:
        words += ["--confirm", 0, "--output", output / "runs", "--summary", output / "summary.md"]
        done = bench(*words, cwd=mine.folder)
    finally:
        os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)
    assert done.returncode == 1, done.stderr  # one of them is broken
    assert not list(temporary.glob(f"{PREFIX}*"))
    (folder,) = (output / "runs").iterdir()
    return folder


def test_each_side_is_an_ordinary_run_of_its_own_code(compared: Path, mine: Repository) -> None:
    a, b = sides(compared)
    assert outcomes(a) == dict.fromkeys(["also_stays", "stays", "breaks", "goes"], "ok")
    assert outcomes(b) == {
        "also_stays": "ok",
        "stays": "ok",
        "comes": "ok",
        "breaks": "incorrect",
    }
    assert a.manifest.pairing == b.manifest.pairing == compared.name
    assert {run.last_session.ended_by for run in (a, b)} == {"finished"}
    first, second = mine.git("log", "--format=%H", "--reverse").split()
    assert (a.manifest.git["commit"], b.manifest.git["commit"]) == (first, second)
    assert {case.module for run in (a, b) for case in run.manifest.cases} == {
        case.module for case in a.manifest.cases
    }


def test_it_is_written_down(compared: Path) -> None:
    pairing = read_pairing(compared)
    assert (pairing.sort, pairing.matched_by) == ("revision", "id")
    assert (pairing.a.words, pairing.b.words) == ("HEAD~1", "HEAD")
    assert (pairing.first_rounds, pairing.confirm_pairs, pairing.seed) == (3, 0, 3)
    assert (pairing.stage, pairing.ended_by) == ("confirm", "finished")
    assert all(told(judged)[0] in CLOCKS for judged in pairing.judged.values())


def test_it_is_judged(compared: Path) -> None:
    rows = pd.read_csv(compared / "comparison.csv")
    rows = rows[rows["quantity"] == "outcome"]
    told = dict(zip(rows["variant"], rows["verdict"], strict=True))
    assert told == {"breaks": "broken", "goes": "removed", "comes": "added"}
    assert "broken" in (compared.parent.parent / "summary.md").read_text()


def test_sides_take_turns_in_both_orders(compared: Path) -> None:
    attempts = [a for run in sides(compared) for a in run.attempts if a.role == "time"]
    attempts = [a for a in attempts if "stays" in a.case]
    attempts.sort(key=lambda attempt: attempt.started)
    assert len(attempts) == 2 * 2 * 3
    turns = list(pairwise(attempts))[::2]
    assert all((a.case, a.round) == (b.case, b.round) for a, b in turns)
    assert {(a.side, b.side) for a, b in turns} == {("A", "B"), ("B", "A")}


def test_no_path_of_a_copy_is_published(compared: Path) -> None:
    for path in compared.rglob("*"):
        assert path.is_dir() or PREFIX not in path.read_text(), path


def test_a_comparison_is_no_run_but_says_what_it_holds(compared: Path, bench: Bench) -> None:
    done = bench("show", compared)
    assert done.returncode == 2
    assert "it has no run.json; it holds A and B" in done.stderr


def test_a_side_cannot_be_resumed_by_itself(compared: Path, bench: Bench) -> None:
    done = bench("run", "--resume", compared / "A")
    assert done.returncode == 2
    assert "one side of a comparison" in done.stderr


def test_ctrl_c_keeps_what_is_done_and_leaves_no_copy(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "mine")
    repository.commit(mine=OLD)
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [*BENCH, "ab", "HEAD", ".", "mine.py", "--device", "cpu"],
        cwd=repository.folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(tmp_path / "temporary"),
            "COLUMNS": "200",
        },
    )
    while process.poll() is None and not list(repository.folder.glob("runs/*/B/records.jsonl")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    (folder,) = (repository.folder / "runs").iterdir()
    assert f"bench compare runs/{folder.name}\n" in output
    assert "Traceback" not in output
    assert read_pairing(folder).ended_by == "interrupted"
    assert all(run.last_session.ended_by == "interrupted" for run in sides(folder))
    assert sides(folder)[1].attempts
    assert not list((tmp_path / "temporary").iterdir())


def test_a_dry_run_names_pairs_and_writes_nothing(bench: Bench, mine: Repository) -> None:
    done = bench("ab", "HEAD~1", "HEAD", "mine.py", "--dry-run", cwd=mine.folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("mine/") == 5
    assert "3 pairs of cases, 2 cases on one side alone" in " ".join(done.stdout.split())
    assert not (mine.folder / "runs").exists()


def test_sorts(mine: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.folder)
    assert sort_of(sys.executable) == "interpreter"
    assert [sort_of(words) for words in (".", "main", "HEAD~1")] == ["revision"] * 3
    assert sort_of("attention/tiled[block=64]") == "variant"
    mine.git("branch", "attention/mine")
    assert sort_of("attention/mine") == "revision"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["main", "attention/math"],
            "two sides of one sort, got a revision ('main') and a variant",
        ),
        (["main", sys.executable], "and an interpreter"),
        (["main", "no-such-thing"], "'no-such-thing': expected a git revision"),
        (["main", "."], "nothing selected comes from the repository here"),
        (
            ["main", ".", "mine.py", "--confirm", "5"],
            "--confirm 5: expected at least 12 pairs, or 0",
        ),
        (["attention/math", "attention/no"], "B (attention/no): unknown variant in attention 'no'"),
        (["~nobody_at_all/python", "."], "in a home that nobody has"),
        (["/bin/sh", "/bin/sh"], "/bin/sh: expected Python 3.11 or newer"),
    ],
)
def test_bad_input_is_one_line(
    bench: Bench, mine: Repository, words: list[str], complaint: str
) -> None:
    done = bench("ab", *words, cwd=mine.folder)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_file_that_no_side_has_is_told_by_its_own_name(bench: Bench, mine: Repository) -> None:
    done = bench("ab", "HEAD~1", "HEAD", "theirs.py", cwd=mine.folder)
    assert done.returncode in (2, 3)
    assert f"no such file: {mine.folder}/theirs.py" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_pairing_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ab.json").write_text(json.dumps({"schema": 1}))
    with pytest.raises(Exception, match="not a valid pairing"):
        read_pairing(tmp_path)
