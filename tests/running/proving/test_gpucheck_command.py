"""`bench gpucheck` without a GPU, on made trials: refusals, exit codes, and what it leaves."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.commands import gpucheck as command
from bench.errors import UserError
from bench.running.lock import device_lock
from bench.running.proving.gpucheck.finding import Finding
from bench.running.proving.gpucheck.trial import Trial
from bench.sides.server import Server
from tests.conftest import Bench
from tests.running.proving.made_parts import MADE, UUID


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
