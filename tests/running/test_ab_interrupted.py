"""`bench ab` that is interrupted, and resumed: by a user, over what has changed meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.running.pairing.resuming import resumable
from bench.store.paired import read_pairing
from tests.conftest import BENCH, BENCH_AS_IT_IS, ROOT, Bench
from tests.running.users_repository import HEAD, Repository, sides

ROUNDS = 2


def ways(slept_s: float) -> str:
    """Return a file with one way that takes as long in every commit, and one that does not."""
    step = "    import time\n\n    def step(inputs):\n        time.sleep({})\n"
    step += "        return inputs[0] * 2\n\n    return step\n"
    named = (("stays", 0.001), ("slows", slept_s))
    return HEAD + "".join(
        f"\n\n@variant\ndef {name}(problem: Double):\n" + step.format(seconds)
        for name, seconds in named
    )


@dataclass
class Runner:
    """A user's repository with two commits, and a comparison of them that may be stopped."""

    repository: Repository
    confirm: int = 0
    a_and_b: tuple[str, str] = ("HEAD~1", "HEAD")

    @property
    def folder(self) -> Path | None:
        return next(self.repository.folder.glob("runs/*"), None)

    def start(self, command: tuple[str, ...] = BENCH) -> subprocess.Popen[str]:
        first = [*self.a_and_b, "mine.py", "--device", "cpu", "--rounds", str(ROUNDS)]
        first += ["--confirm", str(self.confirm), "--seed", "3", "--preset", "smoke"]
        words = ["--resume", str(self.folder)] if self.folder else first
        temporary = self.repository.folder.parent / "temporary"
        temporary.mkdir(exist_ok=True)
        return subprocess.Popen(
            [*command, "ab", *words],
            cwd=self.repository.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**clean(), "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "COLUMNS": "300"},
        )

    def lines(self, letter: str = "B") -> int:
        path = (self.folder or Path()) / letter / "records.jsonl"
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def stop(self, how: int, num_lines: int, command: tuple[str, ...] = BENCH) -> str:
        """Start or resume it, stop it once there are so many lines, and return what it said."""
        process = self.start(command)
        while self.lines() < num_lines and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(how)
        said, _ = process.communicate(timeout=60)
        assert process.returncode in (130, -signal.SIGKILL), said
        return said

    def expect_whole(self) -> None:
        """Resume it to its end; every pair is there as often as it was planned."""
        process = self.start()
        said, _ = process.communicate(timeout=600)
        assert process.returncode in (0, 1), said
        assert self.folder is not None
        assert (self.folder / "comparison.html").exists()
        a, b = sides(self.folder)
        assert len(a.manifest.sessions) == len(b.manifest.sessions) > 1
        assert read_pairing(self.folder).ended_by == "finished"
        for run in (a, b):
            assert {x.outcome for x in run.attempts} == {"ok"}, [x.detail for x in run.attempts]
        timed = [
            {(x.case, x.session, x.round) for x in run.attempts if x.role == "time"}
            for run in (a, b)
        ]
        pairs = Counter((key[0].split("/")[1], key[2]) for key in timed[0] & timed[1])
        assert set(pairs.values()) == {1}
        told = read_pairing(self.folder)
        again, suspects = (
            {ids[0].split("/")[1] for ids in own} for own in (told.looked_at, told.suspects)
        )
        assert Counter(variant for variant, _ in pairs) == {
            name: ROUNDS + told.look_pairs * (name in again) + self.confirm * (name in suspects)
            for name in ("stays", "slows")
        }
        assert not list((self.repository.folder.parent / "temporary").iterdir())


def clean() -> dict[str, str]:
    """Return the environment without what torch sets in a process that has compiled."""
    return {n: v for n, v in os.environ.items() if n != "TORCHINDUCTOR_CACHE_DIR"}


def made(folder: Path, **changes: object) -> Runner:
    repository = Repository(folder / "mine")
    repository.commit(mine=ways(0.001))
    repository.commit(mine=ways(0.010))
    return Runner(repository, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, forked_servers: None) -> Iterator[Runner]:
    """Return a comparison that SIGTERM has ended within its first stage."""
    runner = made(tmp_path_factory.mktemp("stopped"))
    said = runner.stop(signal.SIGTERM, 2 * 2 + 1)
    assert runner.folder is not None
    assert f"bench ab --resume runs/{runner.folder.name}\n" in said
    yield runner
    runner.expect_whole()  # no refusal has cost anything


def refused(bench: Bench, runner: Runner, *words: object) -> str:
    """Resume it; it is refused in one line, and its folder stays as it is."""
    folder = runner.folder
    assert folder is not None
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.suffix in (".json", ".jsonl")}
    done = bench("ab", "--resume", folder, *words, cwd=runner.repository.folder)
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.strip().splitlines()) == 1
    assert {p: p.read_bytes() for p in before} == before
    return done.stderr


def test_it_is_finished_as_it_was_asked_for(stopped: Runner, bench: Bench) -> None:
    told = refused(bench, stopped, "--rounds", 4)
    assert "expected no other option or selector, got rounds" in told
    assert "got a" in refused(bench, stopped, "main")
    done = bench("ab", "main")
    assert (done.returncode, "A and B, or --resume" in done.stderr) == (2, True)


def test_another_environment_is_refused(
    stopped: Runner, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert "ATEN_CPU_CAPABILITY was none, is now default" in refused(bench, stopped)


def test_what_another_machine_wrote_is_asked_about(
    stopped: Runner, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    told = refused(bench, stopped)
    assert "was not written by this machine, and runs code outside the checkout" in told
    assert str(stopped.repository.folder) in told


def test_its_folder_says_where_its_sides_are_from(
    stopped: Runner, tmp_path: Path, bench: Bench
) -> None:
    assert stopped.folder is not None
    shutil.copytree(stopped.folder, tmp_path / "copy")
    told = json.loads((tmp_path / "copy" / "ab.json").read_text())
    gone = {**told, "a": {**told["a"], "git": {"commit": "0" * 40}}}
    changes = (
        ({"ended_by": "finished"}, "is finished"),
        ({"instrument": ""}, "does not say where its sides are from"),
        ({"instrument": "0" * 16}, "the instrument in `bench/` has changed"),
        ({"repository": "/somewhere/else"}, "was not written by this machine"),
        (gone, "was not written by this machine"),
    )
    for change, why in changes:
        (tmp_path / "copy" / "ab.json").write_text(json.dumps({**told, **change}))
        done = bench("ab", "--resume", tmp_path / "copy")
        assert (done.returncode, why in done.stderr) == (2, True), done.stderr
    (tmp_path / "copy" / "ab.json").write_text(json.dumps(gone))
    done = bench("ab", "--resume", tmp_path / "copy", "--trust")
    assert f"{'0' * 40} is gone" in done.stderr


def test_a_session_that_one_side_alone_began_is_dropped(stopped: Runner, tmp_path: Path) -> None:
    assert stopped.folder is not None
    shutil.copytree(stopped.folder, tmp_path / "copy")
    path = tmp_path / "copy" / "A" / "run.json"
    told = json.loads(path.read_text())
    told["sessions"].append({**told["sessions"][0], "ended_by": "", "ended": "", "lines": None})
    path.write_text(json.dumps(told))
    runs = resumable(tmp_path / "copy").runs
    assert [len(run.manifest.sessions) for run in runs] == [1, 1]


def test_nothing_is_written_through_a_link(stopped: Runner, tmp_path: Path) -> None:
    assert stopped.folder is not None
    shutil.copytree(stopped.folder, tmp_path / "copy")
    (tmp_path / "copy" / "B").rename(tmp_path / "B")
    (tmp_path / "copy" / "B").symlink_to(tmp_path / "B")
    with pytest.raises(UserError, match="got a link"):
        resumable(tmp_path / "copy")


def test_a_working_tree_that_has_changed_is_refused(tmp_path: Path, bench: Bench) -> None:
    runner = made(tmp_path, a_and_b=("HEAD", "."))
    repository = runner.repository
    runner.stop(signal.SIGTERM, 1)
    (repository.folder / "mine.py").write_text(ways(0.003))
    assert "source was as listed, is now changed" in refused(bench, runner)
    repository.commit(mine=ways(0.002), other="")
    assert "the working tree was at" in refused(bench, runner)


@pytest.mark.slow
def test_it_is_killed_in_every_stage_and_ends_whole(tmp_path: Path, forked_servers: None) -> None:
    runner, prepared = made(tmp_path, confirm=12), 2 * 2
    for num_lines in (1, prepared + 1, prepared + 2 * ROUNDS + 4):
        runner.stop(signal.SIGKILL, num_lines, BENCH_AS_IT_IS)
    runner.expect_whole()
