"""What GPUs and CPU did while a step was timed: simulated devices, a real sampler process."""

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

from bench.cases.case import Attempt, Case, Measurement, Window
from bench.judging.record import fold, fold_case
from bench.machine.probes import frequency, gpu_window, nvml, rapl, throttle
from bench.machine.probes.energy import NOT_TOLD, energy_of_a_call
from bench.machine.probes.gpu_window import Reading, explain, joules_within
from bench.machine.probes.meters import PACKAGE, Meters
from bench.machine.probes.sampler import Sampler, gpus_of
from bench.machine.probes.visible import NotVisible, nvml_names
from bench.running.attempts import Attempts
from bench.sides.servers import Servers
from bench.sides.side import Side
from bench.store import Manifest, Run, Session, create, read
from bench.timing.sampling import Samples
from reports.page import facts
from reports.shown import shown
from reports.table import table
from tests import fake_nvml
from tests.conftest import ROOT

CASE = Case("s", "v", "m", "P", {"n": 1}, device="cuda:0")
POWER_CAP, TOO_HOT, IDLE = 0x4, 0x40, 0x1
WINDOW = Window(begun_s=10.0, ended_s=11.0, num_calls=100, in_calls_s=0.95)
PERIOD_S = 0.002


def timed_reply(window: Window = WINDOW) -> dict[str, Any]:
    return {"outcome": "ok", "window": dataclasses.asdict(window)}


def every(seconds: float, answers: Callable[[float], dict[str, float]]) -> list[Reading]:
    """Return readings of one GPU from 9 s to 12 s."""
    moments = [9.0 + seconds * n for n in range(round(3 / seconds))]
    return [Reading(at_s, [answers(at_s)]) for at_s in moments]


def samples_of(reply: dict[str, Any]) -> dict[str, list[float]]:
    return {m["quantity"]: m["samples"] for m in reply["measurements"]}


# --- one GPU's questions ---


def device(monkeypatch: pytest.MonkeyPatch, **gpu: Any) -> nvml.Device:
    monkeypatch.setenv("FAKE_NVML", json.dumps([gpu]))
    return nvml.Device(fake_nvml, fake_nvml.nvmlDeviceGetHandleByIndex(0))


def test_a_gpu_is_asked_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    found = device(monkeypatch, reasons=POWER_CAP, processes=3)
    answers = found.read(with_processes=True)
    assert answers.pop("energy_j") > 0
    assert answers == {
        "sm_clock_mhz": 1500,
        "memory_clock_mhz": 2600,
        "temperature_c": 60,
        "event_reasons": POWER_CAP,
        "power_w": 200.0,
        "gpu_utilisation": 0.98,
        "memory_utilisation": 0.4,
        "num_processes": 3,
    }
    assert "num_processes" not in found.read(with_processes=False)


@pytest.mark.parametrize(
    ("refused", "missing"),
    [
        ("energy", {"energy_j"}),
        ("clocks", {"sm_clock_mhz", "memory_clock_mhz"}),
        ("utilisation", {"gpu_utilisation", "memory_utilisation"}),
        ("processes", {"num_processes"}),
        ("temperature", {"temperature_c"}),
        ("mig", set()),
    ],
)
def test_a_refusal_costs_only_its_answer(
    monkeypatch: pytest.MonkeyPatch, refused: str, missing: set[str]
) -> None:
    everything = device(monkeypatch).read(with_processes=True).keys()
    found = device(monkeypatch, refuses=[refused])
    assert everything - found.read(with_processes=True).keys() == missing
    assert refused not in found.asked


def test_older_drivers_are_asked_the_older_way(monkeypatch: pytest.MonkeyPatch) -> None:
    found = device(monkeypatch, refuses=["instant", "event_reasons"], reasons=TOO_HOT)
    assert "power_average" in found.asked
    answers = found.read(with_processes=False)
    assert (answers["power_w"], answers["event_reasons"]) == (200.0, TOO_HOT)


def test_a_sliced_gpu_tells_no_power_and_no_users(monkeypatch: pytest.MonkeyPatch) -> None:
    found = device(monkeypatch, mig=1)
    assert found.asked == ["sm_clock", "memory_clock", "temperature", "event_reasons"]


def test_without_a_driver_the_reason_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml)
    monkeypatch.setenv("FAKE_NVML", "[]")
    assert list(nvml.readings(["0"], PERIOD_S)) == [{"off": "Driver Not Loaded"}]


def test_a_device_may_be_named_by_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml)
    monkeypatch.setenv("FAKE_NVML", json.dumps([{"sm_mhz": 1}, {"sm_mhz": 2}]))
    found = nvml.readings(["GPU-1", "0"], PERIOD_S)
    next(found)
    reading = next(found)
    assert [gpu["sm_clock_mhz"] for gpu in reading["devices"]] == [2, 1]
    assert 0 <= reading["took_s"] < 1
    assert reading["cpu_s"] > 0


@pytest.fixture
def two_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", fake_nvml)
    gpus = [{"uuid": "GPU-8f03-44", "sm_mhz": 1}, {"uuid": "GPU-8e12-17", "sm_mhz": 2}]
    monkeypatch.setenv("FAKE_NVML", json.dumps(gpus))


@pytest.mark.usefixtures("two_alike")
@pytest.mark.parametrize(("name", "clock"), [("GPU-8f", 1), ("GPU-8e12-1", 2)])
def test_a_uuid_may_be_its_beginning(name: str, clock: int) -> None:
    found = nvml.readings([name], PERIOD_S)
    next(found)
    assert next(found)["devices"][0]["sm_clock_mhz"] == clock


@pytest.mark.usefixtures("two_alike")
@pytest.mark.parametrize("name", ["GPU-8", "GPU-77"])
def test_what_begins_no_uuid_or_several_turns_readings_off(name: str) -> None:
    assert [found.keys() for found in nvml.readings([name], PERIOD_S)] == [{"off"}]


# --- readings cut to the window ---


def test_readings_outside_the_window_do_not_count() -> None:
    reply = timed_reply()
    inside = every(0.1, lambda at: {"power_w": 295.0 + 10 * (at - 10) if 10 <= at <= 11 else 50.0})
    explain(reply, inside, "of the moment")
    assert min(samples_of(reply)["power"]) >= 295.0
    assert samples_of(reply)["energy"] == [pytest.approx(300.0 * 1.0 / 100, rel=0.01)]
    assert reply["labels"]["energy_by"] == "integrated"
    assert reply["labels"]["power_is"] == "of the moment"
    assert reply["flags"] == []


def test_a_window_without_readings_says_nothing() -> None:
    reply = timed_reply(dataclasses.replace(WINDOW, begun_s=50.0, ended_s=51.0))
    before = dict(reply)
    explain(reply, every(0.1, lambda _: {"power_w": 1.0}), "of the moment")
    assert reply == before


def test_energy_comes_from_the_counter_where_it_ticks_often() -> None:
    """The counter moves every 50 ms, by what 400 W spend; power readings say something else."""
    counter = every(0.02, lambda at: {"energy_j": 400.0 * 0.05 * (at // 0.05), "power_w": 1.0})
    within = [r for r in counter if 10 <= r.at_s <= 11]
    joules, by = joules_within(within, WINDOW)
    assert by == "counter"
    assert joules == pytest.approx(400.0, rel=0.05)


def test_a_window_of_few_ticks_is_integrated() -> None:
    coarse = every(
        0.02, lambda at: {"energy_j": 400.0 * 0.2 * (at // 0.2), "power_w": 390.0 + at - 10.5}
    )
    within = [r for r in coarse if 10 <= r.at_s <= 11]
    assert joules_within(within, WINDOW) == (pytest.approx(390.0, rel=1e-3), "integrated")


@pytest.mark.parametrize("watts", [[9.0, 8.0, 7.0, 6.0], [9.0, 8.0, 7.0, 6.0] * 5])
def test_few_readings_that_differ_give_no_mean_power(watts: list[float]) -> None:
    few = [Reading(10.1 + n / 100, [{"power_w": power}]) for n, power in enumerate(watts)]
    assert joules_within(few, WINDOW) == (None, "")
    reply = timed_reply()
    explain(reply, few, "")
    assert reply["labels"]["energy_by"] == "not told: fewer than 5 readings that differ"


def test_energy_of_a_short_window_is_not_told() -> None:
    reply = timed_reply(dataclasses.replace(WINDOW, ended_s=WINDOW.begun_s + 0.4))
    explain(reply, every(0.01, lambda at: {"power_w": 300.0 + at}), "")
    assert "energy" not in samples_of(reply)
    assert reply["labels"]["energy_by"] == "not told: a window of less than 0.9 s"


def test_two_readings_give_no_mean_power() -> None:
    assert joules_within([Reading(10.0 + n / 10, [{}]) for n in range(9)], WINDOW) == (None, "")


@pytest.mark.parametrize(
    ("reasons", "slow_until_s", "flagged"),
    [
        (POWER_CAP, 11.0, False),  # by its own appetite: told, and no bar
        (TOO_HOT, 11.0, True),
        (TOO_HOT, 10.2, True),
        (TOO_HOT | IDLE, 10.02, False),  # one reading of fifty: the change of a clock
        (IDLE | 0x2 | 0x10 | 0x100, 11.0, False),  # idle, or set so by the user
    ],
)
def test_a_slowed_window_is_flagged(reasons: int, slow_until_s: float, flagged: bool) -> None:
    reply = timed_reply()
    readings = every(0.02, lambda at: {"event_reasons": reasons if at < slow_until_s else 0})
    explain(reply, readings, "")
    assert ("throttled" in reply["flags"]) is flagged
    named = throttle.in_words(reasons)
    assert reply["labels"].get("throttled_by", "") == ", ".join(named)


def test_others_on_the_gpu_contend() -> None:
    reply = timed_reply()
    counts = every(0.1, lambda at: {"num_processes": 3.0 if at < 10.5 else 2.0})
    explain(reply | {"flags": ["contended"]}, counts, "")
    explain(reply, counts, "")
    assert reply["flags"] == ["contended"]
    assert reply["labels"]["other_gpu_processes"] == "1"  # who came or went is not among them
    alone = timed_reply()
    explain(alone, every(0.1, lambda _: {"num_processes": 1.0}), "")
    assert alone["flags"] == []


def test_several_gpus_are_one_job() -> None:
    both = [
        {"power_w": 100.0, "sm_clock_mhz": 1500.0, "temperature_c": 50.0, "event_reasons": 0.0},
        {"power_w": 150.0, "sm_clock_mhz": 1400.0, "temperature_c": 70.0, "event_reasons": 8.0},
    ]
    reply = timed_reply()
    moments = [10.0 + n / 20 for n in range(20)]
    ripple = [{"power_w": 100.0 + (-1) ** n * n / 1e3} for n in range(20)]
    gpus = [[{**both[0], **more}, both[1]] for more in ripple]
    explain(reply, [Reading(at_s, two) for at_s, two in zip(moments, gpus, strict=True)], "")
    found = samples_of(reply)
    assert {q: {round(one, 1) for one in v} for q, v in found.items()} == {
        "energy": {2.5},
        "power": {250.0},
        "sm_clock": {1400.0},
        "temperature": {70.0},
    }
    assert reply["flags"] == ["throttled"]


def test_long_windows_keep_a_bounded_number_of_readings() -> None:
    reply = timed_reply(dataclasses.replace(WINDOW, begun_s=9.0, ended_s=12.0))
    explain(reply, every(0.002, lambda at: {"temperature_c": at}), "")
    kept = samples_of(reply)["temperature"]
    assert gpu_window.MAX_SAMPLES / 2 < len(kept) <= gpu_window.MAX_SAMPLES
    assert kept[-1] > 11.9  # from all of the window


# --- energy of a call ---


def test_energy_is_shared_among_the_calls() -> None:
    found, labels = energy_of_a_call(50.0, WINDOW, "rapl", PACKAGE)
    assert found == [Measurement("energy", "J", [0.5])]
    assert labels == {"energy_by": "rapl", "energy_of": PACKAGE}


def test_energy_of_mostly_something_else_is_not_told() -> None:
    gaps = dataclasses.replace(WINDOW, in_calls_s=0.5)
    assert energy_of_a_call(50.0, gaps, "rapl", PACKAGE) == ([], {"energy_by": NOT_TOLD})


@pytest.mark.parametrize("joules", [None, 0.0])
def test_a_counter_that_stands_still_measured_nothing(joules: float | None) -> None:
    assert energy_of_a_call(joules, WINDOW, "rapl", PACKAGE) == ([], {})


# --- torch's numbers and NVML's ---


def test_gpus_count_alike_in_the_order_of_the_bus() -> None:
    assert nvml_names([0, 2], {}) == ["0", "2"]
    assert nvml_names([1], {"CUDA_VISIBLE_DEVICES": "3, GPU-abc"}) == ["GPU-abc"]
    for refused in (
        {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"},
        {"CUDA_VISIBLE_DEVICES": "MIG-abc,MIG-def"},
        {"CUDA_VISIBLE_DEVICES": "0"},
    ):
        with pytest.raises(NotVisible):
            nvml_names([1], refused)


def test_a_case_has_its_gpus() -> None:
    assert gpus_of(dataclasses.replace(CASE, device="cpu")) == []
    assert gpus_of(dataclasses.replace(CASE, device="cuda:3")) == [3]
    assert gpus_of(dataclasses.replace(CASE, ranks=4)) == [0, 1, 2, 3]


# --- a real sampler process over simulated GPUs ---


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
    made = attempts.make(cast(Servers, Simulated()), CASE, "time", 0)
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


# --- the CPU's own counters ---


def zone(root: Path, name: str, kind: str, energy_uj: int, range_uj: int = 1_000_000) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "name").write_text(f"{kind}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    (folder / "max_energy_range_uj").write_text(f"{range_uj}\n")
    return folder


def test_rapl_sums_packages_over_their_wrap(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 999_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 100)
    zone(tmp_path, "intel-rapl:0:0", "core", 5)
    zone(tmp_path, "intel-rapl:2", "psys", 5)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 5)
    before = rapl.read(tmp_path)
    assert sorted(before) == ["intel-rapl:0", "intel-rapl:1"]
    zone(tmp_path, "intel-rapl:0", "package-0", 4_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 2_100)
    assert rapl.joules_between(before, rapl.read(tmp_path)) == pytest.approx(0.005 + 0.002)


def test_a_package_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (zone(tmp_path, "intel-rapl:0", "package-0", 1) / "energy_uj").unlink()
    assert rapl.read(tmp_path) == {}
    assert rapl.read(tmp_path / "nowhere") == {}
    assert rapl.joules_between({}, {}) is None
    assert rapl.joules_between({"a": rapl.Counter(0, 9)}, {}) is None


def samples() -> Samples:
    return Samples(0.0, {"time": [1.0, 3.0]}, {}, 4.0, num_calls=4)


def test_the_window_knows_its_calls_and_its_energy(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meters = Meters(dataclasses.replace(CASE, device="cpu"), tmp_path)
    with meters:
        zone(tmp_path, "intel-rapl:0", "package-0", 8_000)
    window = meters.window(samples())
    assert (window.num_calls, window.in_calls_s) == (4, 8.0)
    assert 0 < window.seconds < 8.0
    found, labels = meters.found(window)
    assert found[0] == Measurement("energy", "J", [0.002])
    assert labels == {"energy_by": "rapl", "energy_of": PACKAGE}


@pytest.mark.parametrize("changes", [{"device": "cuda:0"}, {"device": "cpu", "ranks": 2}])
def test_the_package_tells_nothing_of_gpus_and_of_single_ranks(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    meters = Meters(dataclasses.replace(CASE, **changes), tmp_path)
    with meters:
        zone(tmp_path, "intel-rapl:0", "package-0", 8_000)
    found, labels = meters.found(meters.window(samples()))
    assert [m.quantity for m in found if m.quantity != "cpu_clock"] == []
    assert labels == {}


def fake_proc(root: Path, core: int, flags: str) -> Path:
    (root / "self").mkdir(parents=True, exist_ok=True)
    (root / "self" / "stat").write_text(f"7 (a (b) c) S {' '.join(['0'] * 35)} {core} 0 0\n")
    blocks = [f"processor\t: {n}\ncpu MHz\t\t: {3000 + n}.5\nflags\t\t: {flags}\n" for n in (0, 1)]
    (root / "cpuinfo").write_text("\n".join(blocks))
    return root


def test_the_clock_is_that_of_the_core_it_runs_on(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path / "proc", 1, "fpu aperfmperf")
    cpus = tmp_path / "cpu"
    assert frequency.clock_mhz(cpus, proc) == 3001.5
    for core in (0, 1):
        (cpus / f"cpu{core}/cpufreq").mkdir(parents=True)
        (cpus / f"cpu{core}/cpufreq/scaling_cur_freq").write_text(f"{2_000_000 + core}\n")
    assert frequency.clock_mhz(cpus, proc) == 2000.001


def test_a_nominal_clock_is_no_measurement(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path / "proc", 0, "fpu hypervisor")
    assert frequency.clock_mhz(tmp_path, proc) is None


# --- in the run folder, and in what is read from it ---


def test_timed_attempts_say_when_they_sampled(faults_run: Path) -> None:
    attempts = [a for a in read(faults_run).attempts if a.outcome == "ok"]
    timed = [a for a in attempts if a.role == "time"]
    assert timed
    for attempt in timed:
        assert attempt.window is not None
        assert 0 < attempt.window.in_calls_s <= attempt.window.seconds
        (times,) = [m.samples for m in attempt.measurements if m.quantity == "time"]
        assert attempt.window.num_calls == len(times) * int(attempt.labels["calls_per_sample"])
        assert 0 <= float(attempt.labels["stolen_share"]) <= 1
    assert all(a.window is None for a in attempts if a.role != "time")
    stamps = [(a.window.begun_s, a.window.ended_s) for a in timed if a.window]
    assert stamps == sorted(stamps)


def watched(round_: int, flags: list[str]) -> Attempt:
    found = [
        Measurement("time", "s", [0.5, 0.5]),
        Measurement("energy", "J", [60.0 + round_]),
        Measurement("power", "W", [250.0, 251.0, 252.0]),
        Measurement("sm_clock", "MHz", [1500.0]),
        Measurement("temperature", "C", [66.0]),
        Measurement("gpu_utilisation", "1", [0.0]),
    ]
    labels = {"energy_by": "counter", "energy_of": "the whole GPU", "throttled_by": "power cap"}
    return Attempt(CASE.id, "time", 0, round_, "ok", measurements=found, labels=labels, flags=flags)


def test_units_stand_in_the_names_of_columns(tmp_path: Path) -> None:
    cost = {"num_readings": 400, "period_s": 0.025, "wall_s": 10.0, "cpu_s": 0.2}
    session = Session(
        "now", {}, sampler={**cost, "asked": [], "reading_s": 0.001, "reading_most_s": 0.004}
    )
    attempts = [watched(number, []) for number in range(3)]
    manifest = Manifest(["bench"], "smoke", "cuda:0", 1, 0.1, [3], [CASE], sessions=[session])
    run = Run(tmp_path, manifest, attempts)
    records = fold(run)
    frame = table(run, records)
    row = frame.iloc[0]
    found = [row["energy_j"], row["power_w"], row["sm_clock_mhz"]]
    assert found == pytest.approx([61.0, 251.0, 1500.0], rel=1e-3)
    assert (row["temperature_c"], row["gpu_utilisation"]) == (66.0, 0.0)
    assert (row["energy_by"], row["energy_of"]) == ("counter", "the whole GPU")
    assert row["throttled_by"] == "power cap"
    columns = list(shown(frame, records))
    assert {"energy (mJ)", "power (W)", "sm clock (MHz)"} <= set(columns)
    assert not any("utilisation" in c or c.startswith("energy b") for c in columns)
    told = facts(run, records)
    assert told["energy by"] == "counter, of the whole GPU (1 case)"
    assert told["GPU sampler"].startswith("400 readings, one every 25 ms; a reading took 1 ms")
    assert told["GPU sampler"].endswith("2.0% of a core")


def test_throttled_in_half_of_the_rounds_bars_from_rankings() -> None:
    rounds = [watched(0, ["throttled"]), watched(1, []), watched(2, ["throttled"])]
    assert fold_case(CASE, rounds).flags == ["throttled"]
    assert not fold_case(CASE, rounds).ranked
    assert fold_case(CASE, [*rounds, *(watched(n, []) for n in (3, 4))]).ranked
