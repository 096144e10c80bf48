"""What a GPU is asked through NVML, which of its answers may be refused, and which GPU is meant."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

import pytest

from bench.machine.probes import nvml
from bench.machine.probes.sampler import gpus_of
from bench.machine.probes.visible import NotVisible, nvml_names
from tests import fake_nvml
from tests.machine.timed_replies import CASE, PERIOD_S, POWER_CAP, TOO_HOT


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
