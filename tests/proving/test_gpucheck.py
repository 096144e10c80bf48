"""`bench gpucheck` without a GPU: processes, time, words, exit codes, and the archive.

Trials of the tests' own stand in for those of a card. What runs on a card is in
`bench.proving.gpucheck.on_device`, and is untested here.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.commands import gpucheck as command
from bench.errors import UserError
from bench.judging.record import fold
from bench.proving.gpucheck import archive, programme, words
from bench.proving.gpucheck.finding import Figure, Finding, in_range, out_of_range, word_of
from bench.proving.gpucheck.looking import found, trials_of
from bench.proving.gpucheck.programme import LEAST_S, TOTAL_S, findings, in_a_process
from bench.proving.gpucheck.trial import Trial
from bench.running.lock import device_lock
from bench.sides.checkout import publishable
from bench.sides.server import Server
from bench.store import read
from bench.system import process
from bench.system.own import ROOT
from tests import made_trials
from tests.conftest import Bench

UUID = "12345678-1234-1234-1234-123456789abc"
MADE = {trial.part: trial for trial in trials_of(made_trials.__name__)}

# --- words ---


@pytest.mark.parametrize(
    ("value", "word"),
    [
        *((inside, "passed") for inside in (0.5, 1.0, 2.0)),
        *((outside, "failed") for outside in (0.0, 2.1, float("nan"), float("inf"))),
        (None, "not told"),
    ],
)
def test_a_figure_is_judged_by_its_range(value: float | None, word: str) -> None:
    assert Figure("x", value, "s", 0.5, 2.0).word == word


def test_a_figure_without_range_is_only_told() -> None:
    assert Figure("x", 1e9).word == "passed"
    assert in_range(Figure("x", 1e9)) == ""
    assert in_range(Figure("x", 1.0, "s", 2.0)) == "at least 2"
    assert in_range(Figure("x", 1.0, "s", most=2.0)) == "at most 2"
    assert in_range(Figure("x", 1.0, "s", 2.0, 2.0)) == "2"


def test_one_word_for_many_figures() -> None:
    good, bad, unknown = Figure("a", 1.0), Figure("b", 3.0, "W", 0, 2), Figure("c", None)
    assert word_of([good, bad, unknown]) == "failed"
    assert word_of([good, unknown]) == "passed"
    assert word_of([unknown]) == word_of([]) == "not told"
    assert out_of_range([good, bad, unknown]) == "b is 3 W, expected 0 to 2"


def test_findings_in_words() -> None:
    figures = [Figure("power", 700.0, "W", 10, 500), Figure("share", 0.5, "1", 0, 1)]
    told = [Finding("nvml", "failed", figures, "power is too high", 3.2), Finding("x", "skipped")]
    assert words.text(told) == (
        "failed    nvml, 3 s: power is too high\n"
        "          power: 700 W  (expected 10 to 500 W)  <- failed\n"
        "          share: 0.5  (expected 0 to 1)\n"
        "skipped   x, 0 s\n"
        "1 failed, 1 skipped\n"
    )


# --- processes ---


@pytest.fixture
def adopting() -> None:
    process.adopt_orphans()


@pytest.mark.parametrize(
    ("part", "word", "told"),
    [
        ("passes", "passed", ""),
        ("fails", "failed", "two is nan B, expected 0 to 1"),
        ("segfaults", "failed", "SIGSEGV and left no answer; it said: what it said last"),
        ("leaves", "failed", "status 0 and left no answer"),
        ("raises", "failed", "the trial itself raised KeyError"),
        ("refuses", "failed", "another run is measuring"),
        ("skips", "skipped", "needs 2 GPUs"),
        ("cannot-tell", "not told", "no NVML"),
        ("dies-in-a-worker", "failed", "died of SIGSEGV"),
        ("tells-nothing", "not told", ""),
    ],
)
def test_every_end_of_a_trial_is_a_finding(
    adopting: None, tmp_path: Path, part: str, word: str, told: str
) -> None:
    got = in_a_process(MADE[part], "cuda:0", tmp_path / part, False, 20.0)
    assert got.word == word
    assert told in got.detail
    assert got.by_fault == (part == "raises")


def test_a_trial_that_hangs_is_ended_with_all_that_it_started(
    adopting: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programme, "GRACE_S", 0.2)
    got = in_a_process(MADE["hangs"], "cuda:0", tmp_path / "it", False, 2.0)
    assert (got.word, got.detail) == ("failed", "no answer after 2 s")
    assert not Path(f"/proc/{(tmp_path / 'it' / 'child').read_text()}").exists()


class FakeTime:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_no_trial_gets_more_time_than_is_left() -> None:
    clock, limits = FakeTime(), []

    def run(trial: Trial, limit_s: float) -> Finding:
        limits.append(limit_s)
        clock.now_s += limit_s
        return Finding("?", "passed")

    trials = [Trial("x.y", str(i), i, 50.0, "") for i in range(4)]
    told = list(findings(trials, run, clock, total_s=50.0 + 30.0 + LEAST_S / 2))
    assert limits == [50.0, 30.0 + LEAST_S / 2]
    assert [f.word for f in told] == ["passed", "passed", "skipped", "skipped"]
    assert [f.elapsed_s for f in told[:2]] == limits
    assert "--only 'y 3'" in told[-1].detail
    assert TOTAL_S < 600


# --- trials ---


def test_trials_are_found_in_order_without_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from bench.proving.gpucheck.looking import found;"
        "print(*(f'{t.order} {t.name}' for t in found()), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [float(line.split()[0]) for line in lines] == sorted(t.order for t in found())
    assert len(set(lines)) == len(lines) >= 14


def test_every_trial_says_what_it_asks_and_how_long_it_may() -> None:
    documented = (ROOT / "docs" / "gpucheck.md").read_text()
    for trial in found():
        assert trial.about.endswith("."), trial
        assert 0 < trial.limit_s <= TOTAL_S / 2, trial
        assert f"| `{trial.kind}" in documented, trial


# --- the archive ---


def test_what_tells_who_it_was_is_replaced() -> None:
    text = f"{Path.home()}/x, {ROOT}/bench, {socket.gethostname()} at 10.0.0.7"
    left = archive.anonymous(text)
    assert left == f"{publishable(text).removesuffix('10.0.0.7')}<address>"
    assert str(ROOT) not in left


def test_an_archive_is_of_nobody_and_its_runs_can_be_read(faults_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "suites-faults"
    (folder / "runs" / "0").mkdir(parents=True)
    (folder / "runs" / "0" / faults_run.name).symlink_to(faults_run)  # of elsewhere: left out
    copied = folder / "runs" / "1" / faults_run.name
    subprocess.run(["cp", "-r", faults_run, tmp_path / "copy"], check=True)
    copied.parent.mkdir()
    (tmp_path / "copy").rename(copied)
    (folder / "log.txt").write_text(f"on GPU-{UUID} in {Path.home()}/y")
    (folder / "core").write_bytes(b"\0" * 9)
    made = tmp_path / "gpucheck-x.tar.gz"
    archive.write(made, {"gpucheck.txt": "a line\n"}, {"suites-faults": folder})
    with tarfile.open(made) as tar:
        entries = tar.getmembers()
        tar.extractall(tmp_path / "got", filter="data")
    assert all((e.uid, e.gid, e.uname, e.gname, e.mtime) == (0, 0, "", "", 0) for e in entries)
    got = tmp_path / "got" / "gpucheck-x"
    assert (got / "gpucheck.txt").read_text() == "a line\n"
    assert (got / "suites-faults" / "log.txt").read_text() == "on <device> in ~/y"
    assert not (got / "suites-faults" / "core").exists()
    assert not (got / "suites-faults" / "runs" / "0").exists()
    there, here = (
        fold(read(f)) for f in (got / "suites-faults/runs/1" / faults_run.name, faults_run)
    )
    assert [(r.case.id, r.outcome) for r in there] == [(r.case.id, r.outcome) for r in here]


# --- the command ---


@pytest.fixture
def at_hand(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the command a server of its own."""
    monkeypatch.setattr(command, "served", lambda side: nullcontext((side, server)))


@pytest.mark.usefixtures("at_hand")
def test_without_a_gpu_it_is_one_line(bench_here: Bench) -> None:
    for device in ("auto", "cpu"):
        done = bench_here("gpucheck", "--device", device)
        assert done.returncode == 2
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert "expected a GPU that torch can use, found none" in line
        assert "make setup DEVICE=gpu" in line


def test_a_build_for_gpus_without_one_is_told_where_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blind = SimpleNamespace(choose_device=lambda _: "cpu", hello={"cuda": "13.0"})
    monkeypatch.setattr(command, "served", lambda side: nullcontext((side, blind)))
    with pytest.raises(UserError, match="found none; see whether `nvidia-smi` lists one"):
        command.gpu("auto")


def test_a_gpu_that_cannot_be_used_is_refused_before_any_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(device: str) -> None:
        raise UserError(f"{device} cannot be used by torch")

    broken = SimpleNamespace(choose_device=lambda _: "cuda:0", expect_device=refuse)
    monkeypatch.setattr(command, "served", lambda side: nullcontext((side, broken)))
    with pytest.raises(UserError, match="cuda:0 cannot be used"):
        command.gpu("auto")


@pytest.mark.usefixtures("at_hand")
@pytest.mark.parametrize("device", ["cuda:0", "cuda", "tpu"])
def test_a_device_that_is_not_there_is_refused(bench_here: Bench, device: str) -> None:
    done = bench_here("gpucheck", "--device", device)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"--device {device}: expected" in done.stderr


def test_an_unknown_trial_is_refused_with_the_nearest(bench_here: Bench) -> None:
    done = bench_here("gpucheck", "--only", "ceiling")
    assert done.returncode == 2
    assert "unknown trial 'ceiling'; did you mean ceilings" in done.stderr


def pretended(
    monkeypatch: pytest.MonkeyPatch, bench_here: Bench, output: Path, *parts: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with made trials, on a GPU that is not there."""
    monkeypatch.setattr(command, "gpu", lambda _: "cuda:0")
    monkeypatch.setattr(command, "found", lambda: list(MADE.values()))
    only = [word for part in parts for word in ("--only", f"made_trials {part}")]
    return bench_here("gpucheck", "--output", output, *only)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (("passes", "skips", "cannot-tell"), 0),
        (("passes", "fails"), 5),
        (("segfaults", "passes"), 5),
        (("fails", "raises", "passes"), 70),
    ],
)
def test_the_exit_code_is_of_all_and_an_archive_is_always_left(
    monkeypatch: pytest.MonkeyPatch,
    bench_here: Bench,
    tmp_path: Path,
    parts: tuple[str, ...],
    code: int,
) -> None:
    done = pretended(monkeypatch, bench_here, tmp_path / "out", *parts)
    assert done.returncode == code, done.stderr
    (made,) = (tmp_path / "out").iterdir()
    last = "".join(done.stdout.splitlines()[-1:])
    assert last == f"to send back: {made}"
    with tarfile.open(made) as tar:
        texts = {e.name.partition("/")[2]: tar.extractfile(e).read().decode() for e in tar}
    told = json.loads(texts["gpucheck.json"], parse_constant=pytest.fail)
    assert {f["name"] for f in told["findings"]} == {f"made_trials {part}" for part in parts}
    assert told["environment"]["libraries"]["torch"]
    for text in texts.values():
        assert UUID not in text
        assert str(tmp_path) not in text or not str(tmp_path).startswith(str(Path.home()))
    if "passes" in parts:
        assert "made_trials-passes/runs/0/kept.txt" in texts
        first = next(f for f in told["findings"] if f["name"] == "made_trials passes")["figures"]
        assert first[0] == {
            "name": "one",
            "value": 1.0,
            "unit": "s",
            "least": 0.5,
            "most": 2.0,
            "word": "passed",
        }
        assert first[1] == {"name": "unbounded", "value": 3.0, "unit": "1", "word": "passed"}


def test_an_output_that_cannot_be_written_is_refused_first(
    monkeypatch: pytest.MonkeyPatch, bench_here: Bench, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = pretended(monkeypatch, bench_here, tmp_path / "file", "passes")
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert "passed" not in done.stdout


def test_an_interruption_keeps_what_was_found(
    monkeypatch: pytest.MonkeyPatch, bench_here: Bench, tmp_path: Path
) -> None:
    asked: list[str] = []

    def stop_at_the_second(trial: Trial, *_: object) -> Finding:
        asked.append(trial.name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return Finding(trial.name, "passed")

    monkeypatch.setattr(command, "in_a_process", stop_at_the_second)
    done = pretended(monkeypatch, bench_here, tmp_path, "passes", "fails")
    assert done.returncode == 130
    (made,) = tmp_path.iterdir()
    assert done.stderr.splitlines()[-1] == f"interrupted; what was found is in {made}"
    done = pretended(monkeypatch, bench_here, tmp_path / "none", "passes")
    assert "passed" in done.stdout
    asked[:] = ["one before"]
    done = pretended(monkeypatch, bench_here, tmp_path / "none at all", "passes")
    assert done.returncode == 130
    assert "nothing was found yet" in done.stderr
    assert not list((tmp_path / "none at all").iterdir())


def test_who_measures_already_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, bench_here: Bench, tmp_path: Path
) -> None:
    with device_lock("cuda:0", False):
        done = pretended(monkeypatch, bench_here, tmp_path, "passes")
    assert done.returncode == 2
    assert "another run is measuring on cuda:0" in done.stderr
    assert "passed" not in done.stdout


def test_nothing_of_a_trial_is_left_in_temporary_folders(
    monkeypatch: pytest.MonkeyPatch, bench_here: Bench, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    pretended(monkeypatch, bench_here, tmp_path / "out", "passes", "raises")
    assert os.listdir(tmp_path) == ["out"]
