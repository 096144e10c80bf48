"""`bench ab` as a user meets it: revisions, interpreters, variants; and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from bench.errors import UserError
from bench.judging.record import fold
from bench.running.pairing.contenders import contenders, sort_of
from bench.running.pairing.copies import copy_revision, copy_working_tree, lay_alike
from bench.store import Run, read
from bench.store.paired import read_pairing
from bench.system import git
from bench.system.scratch import PREFIX
from tests.conftest import BENCH, ROOT, Bench

HEAD = """
from bench import variant
from suites.faults.problem import Double
"""

WAY = """
@variant
def {name}(problem: Double):
    return lambda inputs: inputs[0] * {factor}
"""

OLD = HEAD + "".join(
    WAY.format(name=n, factor=2) for n in ("stays", "also_stays", "breaks", "goes")
)
NEW = (
    HEAD
    + "".join(WAY.format(name=n, factor=2) for n in ("stays", "also_stays", "comes"))
    + WAY.format(name="breaks", factor=3)
)


class Repository:
    """A git repository of a user's own."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        return git.git(self.folder, "-c", "user.name=a", "-c", "user.email=a@example.org", *words)

    def commit(self, **files: str) -> str:
        """Write files (`mine` is mine.py) and commit them; return the hash."""
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD").strip()


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


def sides(folder: Path) -> tuple[Run, Run]:
    return read(folder / "A"), read(folder / "B")


def outcomes(run: Run) -> dict[str, str]:
    return {record.case.variant: record.outcome for record in fold(run)}


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
    assert set(pairing.judged.values()) == {"time"}


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


def test_a_revision_is_checked_out_and_nothing_of_the_repository_changes(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "mine")
    (repository.folder / "has space é").mkdir()
    (repository.folder / "has space é" / "run.sh").write_text("exit\n")
    (repository.folder / "has space é" / "run.sh").chmod(0o755)
    (repository.folder / "link").symlink_to("mine.py")
    commit = repository.commit(mine=OLD)
    repository.commit(mine=NEW)
    repository.git("config", "core.sparseCheckout", "true")  # only some of it is wanted there
    (repository.folder / ".git" / "info").mkdir(exist_ok=True)
    (repository.folder / ".git" / "info" / "sparse-checkout").write_text("/nothing\n")
    hook = repository.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"touch '{tmp_path}/hooked'\n")
    hook.chmod(0o755)

    def state() -> dict[Path, tuple[int, int]]:
        return {
            path: (path.lstat().st_mtime_ns, path.lstat().st_size)
            for path in (repository.folder, *repository.folder.rglob("*"))
        }

    before = state()
    copy_revision(repository.folder, commit, tmp_path / "A")
    assert state() == before
    names = sorted(str(path.relative_to(tmp_path / "A")) for path in (tmp_path / "A").rglob("*"))
    assert names == ["has space é", "has space é/run.sh", "link", "mine.py"]
    assert os.access(tmp_path / "A" / "has space é" / "run.sh", os.X_OK)
    assert os.readlink(tmp_path / "A" / "link") == "mine.py"
    assert (tmp_path / "A" / "mine.py").read_text() == OLD
    assert not (tmp_path / "hooked").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository to another user")
def test_another_users_repository_is_named_as_such_unless_it_is_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(tmp_path / "mine")
    commit = repository.commit(mine=OLD)
    for path in (repository.folder, *repository.folder.rglob("*")):
        os.chown(path, 12345, 12345)
    with pytest.raises(UserError, match=r"another user's repository; .*safe.directory"):
        git.repository(repository.folder)
    monkeypatch.setattr(git, "_SETTINGS", ("-c", f"safe.directory={repository.folder}"))
    assert git.repository(repository.folder) == repository.folder
    assert git.commit_of(repository.folder, "HEAD") == commit
    copy_revision(repository.folder, commit, tmp_path / "A")
    assert (tmp_path / "A" / "mine.py").read_text() == OLD


def test_the_working_tree_is_copied_as_it_is(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "mine")
    (repository.folder / ".gitignore").write_text("ignored.py\n")
    repository.commit(mine=OLD, gone=OLD)
    (repository.folder / "mine.py").write_text(NEW)
    (repository.folder / "untracked.py").write_text(NEW)
    (repository.folder / "ignored.py").write_text(NEW)
    (repository.folder / "gone.py").unlink()
    (repository.folder / "runs" / "one" / "logs").mkdir(parents=True)
    (repository.folder / "runs" / "one" / "run.json").touch()
    (repository.folder / "runs" / "one" / "logs" / "log.txt").touch()
    copy = copy_working_tree(repository.folder, tmp_path / "copy")
    assert sorted(path.name for path in copy.folder.iterdir()) == [
        ".gitignore",
        "mine.py",
        "untracked.py",
    ]
    assert (copy.folder / "mine.py").read_text() == NEW


def test_both_sides_are_laid_out_alike(tmp_path: Path) -> None:
    """Nothing but content tells copies apart: not Git's files, nor who was written first."""
    repository = Repository(tmp_path / "mine")
    (repository.folder / "folder").mkdir()
    (repository.folder / "folder" / "deep.txt").write_text("deep")
    (repository.folder / "run.sh").write_text("#!/bin/sh\n")
    (repository.folder / "run.sh").chmod(0o755)
    (repository.folder / "link").symlink_to("run.sh")
    commit = repository.commit(**{f"mine{i}": OLD for i in range(12)}, old=OLD)
    (repository.folder / "old.py").unlink()
    (repository.folder / "new.py").write_text(NEW)
    sources = [tmp_path / "from-A", tmp_path / "from-B"]
    copy_revision(repository.folder, commit, sources[0])
    copy_working_tree(repository.folder, sources[1])
    targets = [tmp_path / "A", tmp_path / "B"]
    lay_alike(sources, targets)
    a, b = ({p.relative_to(t) for t in [target] for p in t.rglob("*")} for target in targets)
    assert {str(path) for path in a ^ b} == {"old.py", "new.py"}
    assert not (targets[0] / ".git").exists()
    for target in targets:
        assert (target / "link").is_symlink()
        assert (target / "run.sh").stat().st_mode & 0o111
        assert (target / "folder" / "deep.txt").read_text() == "deep"


def test_which_side_a_file_is_copied_to_first_is_drawn_by_lot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, targets = ([tmp_path / f"{kind}-{x}" for x in "AB"] for kind in ("from", "to"))
    for source in sources:
        source.mkdir()
        for number in range(40):
            (source / f"{number:02}.py").touch()
    written: list[Path] = []
    monkeypatch.setattr(shutil, "copy", lambda source, target, **_: written.append(target))
    lay_alike(sources, targets)
    first = written[::2]
    assert [path.name for path in first] == sorted(path.name for path in first)
    assert {path.parent for path in first} == set(targets)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return a checkout of this project whose first revision has an instrument that fails."""
    folder = tmp_path_factory.mktemp("checkout")
    ignored = shutil.ignore_patterns("__pycache__")
    for room in ("bench", "reports"):
        shutil.copytree(ROOT / room, folder / room, ignore=ignored)
    (folder / "suites").mkdir()
    (folder / "suites" / "__init__.py").touch()
    shutil.copytree(ROOT / "suites" / "faults", folder / "suites" / "faults", ignore=ignored)
    repository = Repository(folder)
    (folder / ".gitignore").write_text("__pycache__\nruns\n")
    none, worker = folder / "suites/faults/none.py", folder / "bench/workers/worker.py"
    good, text = none.read_text(), worker.read_text()
    none.write_text(good.replace("inputs[0] * 2", "inputs[0] * 5"))
    worker.write_text("raise SystemExit('an instrument of the past')\n")
    (folder / "bench" / "leftover.py").touch()
    repository.commit()
    none.write_text(good)
    worker.write_text(text)
    (folder / "bench" / "leftover.py").unlink()
    return repository


def test_suites_come_from_the_revision_and_the_instrument_from_now(checkout: Repository) -> None:
    words = ["suites.faults/none", "--rounds", "2", "--confirm", "0", "--device", "cpu"]
    done = subprocess.run(
        [*BENCH, "ab", "HEAD", ".", *words],
        cwd=checkout.folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(checkout.folder)},
    )
    assert done.returncode in (0, 1), done.stderr
    (folder,) = (checkout.folder / "runs").iterdir()
    a, b = sides(folder)
    assert (outcomes(a), outcomes(b)) == ({"none": "incorrect"}, {"none": "ok"})
    assert a.manifest.cases[0].source_hash != b.manifest.cases[0].source_hash
    assert (a.manifest.git["dirty"], b.manifest.git["dirty"]) == (False, True)


def test_an_interpreter_needs_torch_and_no_other_package(bench: Bench, tmp_path: Path) -> None:
    parents_own = ("msgspec", "typer", "rich", "pandas", "scipy", "altair", "pynvml")
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(
        f"import sys\nfor name in {parents_own}:\n    sys.modules[name] = None\n"
    )
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path}/bare:$PYTHONPATH" exec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    words = ["suites.faults/none", "--rounds", 2, "--confirm", 0, "--device", "cpu"]
    done = bench("ab", sys.executable, python, *words, "--output", tmp_path / "runs")
    assert done.returncode in (0, 1), done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert [outcomes(run) for run in sides(folder)] == [{"none": "ok"}] * 2
    assert read_pairing(folder).sort == "interpreter"
    environments = [run.last_session.environment for run in sides(folder)]
    assert environments[0]["libraries"] == environments[1]["libraries"]


def test_two_variants_of_a_users_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OLD)
    words = ["mine.py", "--rounds", 2, "--confirm", 0, "--device", "cpu", "--set", "n=8,9"]
    done = bench("ab", "mine/stays", "mine/also_stays", *words, cwd=tmp_path)
    assert done.returncode in (0, 1), done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    a, b = sides(folder)
    assert (outcomes(a), outcomes(b)) == ({"stays": "ok"}, {"also_stays": "ok"})
    assert [c.question for c in a.manifest.cases] == [c.question for c in b.manifest.cases]
    assert read_pairing(folder).matched_by == "question"


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


def test_options_of_a_variant_are_its_sides_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with contenders("attention/math", "attention/tiled[block=64, x=1]", []) as (a, b):
        assert (a.sets, b.sets) == ([], ["block=64", "x=1"])
        assert b.selectors == ["attention/tiled"]
        assert b.variant == ("attention", "tiled")


def test_pairing_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ab.json").write_text(json.dumps({"schema": 1}))
    with pytest.raises(Exception, match="not a valid pairing"):
        read_pairing(tmp_path)
