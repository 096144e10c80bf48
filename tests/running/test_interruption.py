"""Kills, Ctrl-C and resumption: what was flushed survives, nothing is left running."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from bench.running.lock import device_lock
from bench.store import read
from bench.system.process import descendants
from tests.conftest import BENCH, BENCH_AS_IT_IS, ROOT, Bench

CASES, ROUNDS = 3, 2
MINE = """
import time
from bench import variant
from suites.faults.problem import Double

def slowly(inputs):
    time.sleep(0.002)
    return inputs[0] * 2
""" + "".join(
    f"""
@variant
def way_{i}(problem: Double):
    return slowly
"""
    for i in range(CASES)
)

PREPARED = 2 * CASES  # attempts before the first round: a check and the memory of each
ATTEMPTS = PREPARED + CASES * ROUNDS


class Runner:
    """Starts, kills and resumes one run, and keeps an eye on its processes and its records."""

    told = ""

    def __init__(self, folder: Path, seen: Sequence[bytes] = ()):
        self.folder, self.temporary = folder, folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        (folder / "mine.py").write_text(MINE)
        self.seen = list(seen)  # lines that were flushed

    @property
    def run_folder(self) -> Path | None:
        return (
            next(iter((self.folder / "runs").glob("*/run.json")), Path()).parent
            if any((self.folder / "runs").glob("*/run.json"))
            else None
        )

    def start(
        self, stderr: int = subprocess.STDOUT, command: tuple[str, ...] = BENCH_AS_IT_IS
    ) -> subprocess.Popen[str]:
        words = (
            ["run", "--resume", str(self.run_folder)]
            if self.run_folder
            else ["run", "mine.py", "--rounds", str(ROUNDS), "--device", "cpu", "--budget", "20m"]
        )
        return subprocess.Popen(
            [*command, *words],
            cwd=self.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "PYTHONUNBUFFERED": "1",
                "TMPDIR": str(self.temporary),
            },
        )

    def lines(self) -> list[bytes]:
        path = (self.run_folder or self.folder) / "records.jsonl"
        return path.read_bytes().split(b"\n")[:-1] if path.exists() else []

    def wait_for(self, num_lines: int, process: subprocess.Popen[str]) -> None:
        while len(self.lines()) < num_lines and process.poll() is None:
            time.sleep(0.005)

    def expect_nothing_left(self, pid: int) -> None:
        """Servers name their parent's pid; workers are forks and carry the same name."""
        deadline = time.monotonic() + 10
        while (left := named(f"bench.workers.serve {pid}")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not left

    def expect_flushed_lines_kept(self) -> None:
        now = self.lines()
        assert now[: len(self.seen)] == self.seen
        self.seen = now

    def finish(self) -> None:
        process = self.start(command=BENCH)
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output
        self.expect_flushed_lines_kept()
        assert not list(self.temporary.iterdir())  # nor what the killed ones left
        assert self.run_folder is not None
        run = read(self.run_folder)
        done = Counter((a.case, a.role, a.round, a.process) for a in run.attempts)
        assert set(done.values()) == {1}  # only what was in flight was done again
        assert len({key[:3] for key in done}) == ATTEMPTS
        assert all(a.outcome == "ok" for a in run.attempts), [a.detail for a in run.attempts]


def named(words: str) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if words in line]


@pytest.fixture
def runner(tmp_path: Path, forked_servers: None) -> Runner:
    return Runner(tmp_path)


def kill_at_random(runner: Runner, num_kills: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(num_kills):
        process = runner.start()
        # past listing and set-up, which leave no record, then anywhere within some attempts
        runner.wait_for(len(runner.lines()) + chance.randrange(3), process)
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        process.communicate()
        runner.expect_nothing_left(process.pid)
        runner.expect_flushed_lines_kept()
    runner.finish()


@pytest.mark.slow
def test_twenty_kills_of_the_parent(runner: Runner) -> None:
    kill_at_random(runner, 20, seed=20)


@pytest.mark.slow
def test_a_killed_server_costs_only_the_attempt_in_flight(runner: Runner) -> None:
    process = runner.start()
    for num_lines in (2, PREPARED + 4):
        runner.wait_for(num_lines, process)
        servers = [
            p for p in descendants(process.pid) if f"bench.workers.serve {process.pid}" in _args(p)
        ]
        os.kill(servers[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    runner.expect_nothing_left(process.pid)
    assert runner.run_folder is not None
    attempts = read(runner.run_folder).attempts
    assert len({(a.case, a.role, a.round) for a in attempts}) == ATTEMPTS
    assert {a.outcome for a in attempts} == {"ok"}


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, forked_servers: None) -> Runner:
    """Return a run that Ctrl-C ended within its first round; `told` is what it said."""
    runner = Runner(tmp_path_factory.mktemp("interrupted"))
    process = runner.start()
    runner.wait_for(PREPARED + 1, process)  # some cases have a round, some none
    process.send_signal(signal.SIGINT)
    runner.told, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    runner.expect_nothing_left(process.pid)
    runner.expect_flushed_lines_kept()
    return runner


def test_ctrl_c_tells_how_to_go_on(interrupted: Runner) -> None:
    found = re.search(r"bench run --resume (\S+)", interrupted.told)
    assert found
    assert interrupted.folder / found[1] == interrupted.run_folder


def test_an_interrupted_run_goes_on(interrupted: Runner, tmp_path: Path) -> None:
    """In a copy: others want it as it was."""
    assert len(interrupted.lines()) >= PREPARED + 1
    shutil.copytree(interrupted.folder, tmp_path, dirs_exist_ok=True)
    Runner(tmp_path, interrupted.seen).finish()


def test_the_hint_is_told_where_nobody_reads_stdout(runner: Runner) -> None:
    """As by Ctrl-C in `bench run | head`, which ends both."""
    with runner.start(stderr=subprocess.PIPE, command=BENCH) as process:
        runner.wait_for(3, process)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.terminate()
        told = process.stderr.read()
    assert process.returncode == 130
    assert "bench run --resume" in told


@pytest.mark.slow
def test_sigterm_works_where_sigint_is_ignored(runner: Runner) -> None:
    """As in a background job of a shell without job control."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = runner.start()
    finally:
        signal.signal(signal.SIGINT, before)
    runner.wait_for(3, process)
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "bench run --resume" in output
    runner.expect_nothing_left(process.pid)


def test_an_interrupted_run_can_be_read(interrupted: Runner, bench: Bench) -> None:
    folder = interrupted.run_folder
    done = bench("report", folder, cwd=interrupted.folder)
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(folder / "results.csv")
    assert set(rows["outcome"]) == {"ok", "pending"}
    pending = rows[rows["outcome"] == "pending"]
    assert pending["detail"].str.contains("the run was interrupted").all()
    assert pending["time_s"].isna().all()
    assert rows["time_low_s"].isna().all()  # one round gives no interval
    assert bench("show", folder, cwd=interrupted.folder).returncode == 0


def test_a_resume_elsewhere_is_refused(
    interrupted: Runner, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = interrupted.lines()
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    done = bench("run", "--resume", interrupted.run_folder, cwd=interrupted.folder)
    assert done.returncode == 2
    assert "ATEN_CPU_CAPABILITY was none, is now default" in done.stderr
    assert interrupted.lines() == before


def test_a_resume_with_other_libraries_is_refused(
    interrupted: Runner, bench: Bench, tmp_path: Path
) -> None:
    shutil.copytree(interrupted.run_folder, tmp_path / "run")
    path = tmp_path / "run" / "run.json"
    manifest = json.loads(path.read_text())
    manifest["sessions"][0]["environment"]["libraries"]["torch"] = "1.0"
    path.write_text(json.dumps(manifest))
    done = bench("run", "--resume", path.parent, cwd=interrupted.folder)
    assert done.returncode == 2
    assert "cannot resume" in done.stderr
    assert "libraries" in done.stderr
    assert (path.parent / "records.jsonl").read_bytes() == b"".join(
        line + b"\n" for line in interrupted.lines()
    )


def test_a_resume_over_changed_sources_is_refused(interrupted: Runner, bench: Bench) -> None:
    mine = interrupted.folder / "mine.py"
    mine.write_text(MINE.replace("0.002", "0.0001"))
    done = bench("run", "--resume", interrupted.run_folder, cwd=interrupted.folder)
    mine.write_text(MINE)
    assert done.returncode == 2
    assert "source was as listed, is now changed" in done.stderr


def test_a_second_run_on_the_device_leaves_with_one_line(bench: Bench, tmp_path: Path) -> None:
    with device_lock("cpu", wait=True):
        done = bench("run", "suites.faults/none", "--device", "cpu", "--output", tmp_path)
    assert not list(tmp_path.iterdir())
    assert done.returncode == 2
    assert "another run is measuring on cpu" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def _args(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
