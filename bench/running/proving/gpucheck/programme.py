"""Runs trials one after another, each in a process of its own and within its time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.errors import in_one_line
from bench.running.proving.gpucheck.finding import Finding
from bench.running.proving.gpucheck.one import FILE
from bench.running.proving.gpucheck.trial import Trial
from bench.system import process
from bench.system.log import read_log
from bench.system.own import ROOT

TOTAL_S = 570.0  # of all trials: with the archive, ten minutes
LEAST_S = 5.0  # of a trial: with less it would only be ended
GRACE_S = 3.0

Now = Callable[[], float]


def findings(
    trials: Sequence[Trial],
    run: Callable[[Trial, float], Finding],
    now: Now = time.monotonic,
    total_s: float = TOTAL_S,
) -> Iterator[Finding]:
    """Yield what every trial comes to; those that the time does not suffice for are skipped."""
    began_s = now()
    for trial in trials:
        left_s = total_s - (now() - began_s)
        if left_s < LEAST_S:
            why = f"the {total_s / 60:.2g} minutes are over; ask for it with --only '{trial.name}'"
            yield Finding(trial.name, "skipped", detail=why)
            continue
        started_s = now()
        found = run(trial, min(trial.limit_s, left_s))
        yield replace(found, name=trial.name, elapsed_s=now() - started_s)


def in_a_process(trial: Trial, device: str, folder: Path, wait: bool, limit_s: float) -> Finding:
    """Run one trial in a process of its own; its death or its delay is a finding too."""
    folder.mkdir(parents=True)
    log = folder / "log.txt"
    with log.open("wb") as said:
        child = subprocess.Popen(
            _command(trial, device, folder, wait),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": _path()},
        )
    try:
        status = child.wait(limit_s)
    except subprocess.TimeoutExpired:
        return Finding(trial.name, "failed", detail=f"no answer after {limit_s:.0f} s")
    finally:
        _end(child)
    return _answer(trial, folder / FILE) or _post_mortem(trial, status, log)


def _command(trial: Trial, device: str, folder: Path, wait: bool) -> list[str]:
    words = [trial.module, trial.part, device, str(folder), "wait" if wait else ""]
    return [
        sys.executable,
        "-P",
        "-m",
        "bench.running.proving.gpucheck.one",
        str(os.getpid()),
        *words,
    ]


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the process, if it still runs, and whatever it left."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    process.end_descendants()


def _answer(trial: Trial, file: Path) -> Finding | None:
    try:
        return msgspec.convert(json.loads(file.read_text()), Finding)
    except (OSError, ValueError):
        return None


def _post_mortem(trial: Trial, status: int, log: Path) -> Finding:
    how = signal.Signals(-status).name if status < 0 else f"status {status}"
    last = (read_log(log).strip().splitlines() or ["nothing"])[-1]
    detail = f"its process ended with {how} and left no answer; it said: {in_one_line(last)}"
    return Finding(trial.name, "failed", detail=detail)


def _path() -> str:
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
