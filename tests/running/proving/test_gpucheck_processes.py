"""Processes and time of `bench gpucheck` without a GPU, and the trials that it finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.running.proving.gpucheck import programme
from bench.running.proving.gpucheck.finding import Finding
from bench.running.proving.gpucheck.looking import found
from bench.running.proving.gpucheck.programme import LEAST_S, TOTAL_S, findings, in_a_process
from bench.running.proving.gpucheck.trial import Trial
from bench.system import process
from bench.system.own import ROOT
from tests.running.proving.made_parts import MADE


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
    got = in_a_process(MADE["hangs"], "cuda:0", tmp_path / "it", False, 6.0)
    assert (got.word, got.detail) == ("failed", "no answer after 6 s")
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
        "import sys; sys.modules['torch'] = None;"
        "from bench.running.proving.gpucheck.looking import found;"
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
