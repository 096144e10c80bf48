"""A real sampler process over simulated GPUs: what it reads, what it costs, and how it ends."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bench.cases.case import Case, Window
from bench.judging.record import fold
from bench.machine.probes import gpu_window
from bench.machine.probes.sampler import Sampler
from bench.running.attempts import Attempts
from bench.running.step import Step
from bench.sides.servers import Servers
from bench.sides.side import Side
from bench.store import Manifest, Session, create, read
from tests.conftest import ROOT
from tests.machine.timed_replies import CASE, PERIOD_S, TOO_HOT, samples_of, timed_reply


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Let sampler processes find GPUs that answer as told."""
    module = tmp_path / "modules" / "pynvml.py"
    module.parent.mkdir()
    module.write_text("from tests.fake_nvml import *\n")
    monkeypatch.setenv("PYTHONPATH", str(module.parent))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)

    def gpus(*answers: dict[str, Any]) -> None:
        monkeypatch.setenv("FAKE_NVML", json.dumps(answers))

    gpus({})
    return gpus


@pytest.fixture
def sampler(simulated: Callable[..., None], tmp_path: Path) -> Iterator[Sampler]:
    simulated({"reasons": TOO_HOT, "processes": 2})
    with Sampler([CASE], tmp_path, PERIOD_S) as running:
        yield running


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "nothing happened for 20 s"
        time.sleep(0.002)


def work_for(lines: int, file: Path) -> Callable[[], dict[str, Any]]:
    """Return work that lasts as many readings, and says when it began and ended."""

    def work() -> dict[str, Any]:
        begun_s = time.monotonic()
        before = file.read_bytes().count(b"\n")
        wait_until(lambda: file.read_bytes().count(b"\n") >= before + lines)
        ended_s = time.monotonic()
        return timed_reply(Window(begun_s, ended_s, 10, ended_s - begun_s))

    return work


def test_readings_reach_the_reply_and_the_cost_is_told(
    sampler: Sampler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_window, "MIN_WINDOW_S", 0.0)
    file = tmp_path / "nvml.jsonl"
    assert sampler.watch(CASE, lambda: {"outcome": "error"}) == {"outcome": "error"}
    reply = sampler.watch(CASE, work_for(60, file))
    assert reply["flags"] == ["throttled", "contended"]
    assert reply["labels"]["throttled_by"] == "too hot (hardware)"
    assert reply["labels"]["energy_by"] == "counter"
    window = Window(**reply["window"])
    found = samples_of(reply)
    assert found["energy"] == [pytest.approx(200.0 * window.seconds / 10, rel=0.25)]
    assert set(found["power"]) == {200.0}
    told = sampler.told()
    assert told["num_readings"] >= 50
    assert told["asked"][-1] == "processes"
    assert 0 < told["cpu_s"] < told["wall_s"] + 1
    assert 0 < told["reading_s"] <= told["reading_most_s"]
    assert file.stat().st_size < 60 * 300  # what was read is not kept


def test_what_was_read_reaches_the_run_folder(
    sampler: Sampler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_window, "MIN_WINDOW_S", 0.0)
    session = Session("2026-01-01T00:00:00+00:00", {})
    run = create(
        tmp_path / "runs",
        Manifest(["bench"], "smoke", "cuda:0", 1, 0.1, [3], [CASE], sessions=[session]),
    )

    class Simulated:
        def attempt(self, case: Case, request: dict[str, Any]) -> dict[str, Any]:
            times = {"quantity": "time", "unit": "s", "samples": [0.1]}
            return work_for(30, tmp_path / "nvml.jsonl")() | {"measurements": [times]}

    attempts = Attempts(run, Side(), sampler)
    made = attempts.make(cast(Servers, Simulated()), Step(CASE, "time", 0))
    attempts.keep_cost()
    again = read(run.folder)
    assert again.attempts == [made]
    assert made.window is not None
    assert {"time", "energy", "power", "sm_clock"} <= {m.quantity for m in made.measurements}
    assert made.flags == ["throttled", "contended"]
    assert again.last_session.sampler["num_readings"] > 20
    assert not fold(again)[0].ranked


def test_a_cpu_case_has_no_sampler(tmp_path: Path) -> None:
    case = dataclasses.replace(CASE, device="cpu")
    with Sampler([case], tmp_path) as idle:
        assert idle.watch(case, timed_reply) == timed_reply()
        assert idle.told() == {}
    assert not list(tmp_path.iterdir())


def test_without_nvml_the_reason_is_told(
    simulated: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated()
    file = tmp_path / "nvml.jsonl"
    with Sampler([CASE], tmp_path, PERIOD_S) as off:
        wait_until(lambda: file.stat().st_size > 0)
        assert off.watch(CASE, timed_reply) == timed_reply()
        assert off.told() == {"off": "Driver Not Loaded"}
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    with Sampler([CASE], tmp_path, PERIOD_S) as off:
        assert off.watch(CASE, timed_reply) == timed_reply()
        assert "expected CUDA_DEVICE_ORDER=PCI_BUS_ID" in off.told()["off"]


def test_a_torn_line_is_left_out(sampler: Sampler, tmp_path: Path) -> None:
    with (tmp_path / "nvml.jsonl").open("ab") as stream:
        stream.write(b'{"at_s": 1, "devi')
    reply = sampler.watch(CASE, work_for(20, tmp_path / "nvml.jsonl"))
    assert int(reply["labels"]["gpu_readings"]) >= 15


def state_of(pid: int) -> str:
    """Return the letter of a process's state; empty where it is no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_the_sampler_sleeps_where_ranks_fill_the_cores(
    sampler: Sampler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sampler._child is not None
    pid = sampler._child.pid
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    wait_until(lambda: (tmp_path / "nvml.jsonl").stat().st_size > 0)

    def work() -> dict[str, Any]:
        wait_until(lambda: state_of(pid) == "T")
        now_s = time.monotonic()
        return timed_reply(Window(now_s, now_s + 1e-6, 1, 1e-6))

    assert "measurements" not in sampler.watch(CASE, work)  # nothing was read meanwhile
    wait_until(lambda: state_of(pid) in "RS")


def test_a_dead_sampler_fails_no_attempt(sampler: Sampler) -> None:
    assert sampler._child is not None
    os.kill(sampler._child.pid, signal.SIGKILL)
    sampler._child.wait()
    now_s = time.monotonic()
    reply = timed_reply(Window(now_s, now_s, 1, 1.0))
    assert sampler.watch(CASE, lambda: dict(reply)) == reply


PARENT = """
import sys, time
from pathlib import Path
from bench.system import process
from bench.cases.case import Case
from bench.machine.probes.sampler import Sampler
process.adopt_orphans()
with Sampler([Case("s", "v", "m", "P", {}, device="cuda:0")], Path(sys.argv[1]), 0.002) as sampler:
    started = time.monotonic()
    process.end_descendants()
    assert time.monotonic() - started < 0.9, "waited for the sampler to end"
    print(sampler._child.pid, flush=True)
    if sys.argv[2] == "stay":
        time.sleep(60)
"""


@pytest.mark.parametrize("ending", ["SIGKILL", "SIGTERM", "leave"])
def test_the_sampler_outlives_attempts_and_not_its_parent(
    simulated: Callable[..., None], tmp_path: Path, ending: str
) -> None:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]])
    }
    stay = "leave" if ending == "leave" else "stay"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", PARENT, str(tmp_path), stay],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if stay == "stay":
            file = tmp_path / "nvml.jsonl"
            wait_until(lambda: file.exists() and file.read_bytes().count(b"\n") > 3)
            parent.send_signal(getattr(signal, ending))
    wait_until(lambda: state_of(pid) in ("", "Z"))
    assert parent.returncode == (-getattr(signal, ending) if stay == "stay" else 0)
