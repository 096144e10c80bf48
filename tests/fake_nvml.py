"""A stand-in for pynvml: GPUs that answer what the environment variable FAKE_NVML says.

`energy` counts from the monotonic clock, in ticks, as the real counter does.
"""

from __future__ import annotations

import json
import os
import time
from types import SimpleNamespace
from typing import Any

NVML_SUCCESS, NVML_ERROR_NOT_FOUND = 0, 6
NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU, NVML_FI_DEV_POWER_INSTANT = 1, 2, 0, 186
TICK_S = 0.004

Gpu = dict[str, Any]

DEFAULT: Gpu = {
    "power_w": 200.0,
    "sm_mhz": 1500,
    "memory_mhz": 2600,
    "temperature_c": 60,
    "reasons": 0,
    "processes": 1,
    "mig": 0,
    "refuses": [],
    "lacks": [],
}


class NVMLError(Exception):
    pass


class NVMLLibraryMismatchError(Exception):
    """What the bindings raise where a driver is too old to have the function; no `NVMLError`."""


def gpus() -> list[Gpu]:
    told = json.loads(os.environ.get("FAKE_NVML", "[{}]"))
    return [{**DEFAULT, "uuid": f"GPU-{i}", **gpu} for i, gpu in enumerate(told)]


def nvmlInit() -> None:
    if os.environ.get("FAKE_NVML") == "[]":
        raise NVMLError("Driver Not Loaded")


def nvmlDeviceGetHandleByIndex(index: int) -> Gpu:
    if index >= len(gpus()):
        raise NVMLError("Invalid Argument")
    return _answer(gpus()[index], "handle", gpus()[index])


def nvmlShutdown() -> None:
    pass


def nvmlDeviceGetCount() -> int:
    return len(gpus())


def nvmlSystemGetDriverVersion() -> str:
    return "580.65.06"


def nvmlSystemGetCudaDriverVersion() -> int:
    return 13000


def nvmlDeviceGetName(gpu: Gpu) -> str:
    return _answer(gpu, "name", "NVIDIA H100 80GB HBM3")


def nvmlDeviceGetMemoryInfo(gpu: Gpu) -> SimpleNamespace:
    return _answer(gpu, "memory", SimpleNamespace(total=80 << 30))


def nvmlDeviceGetCudaComputeCapability(gpu: Gpu) -> tuple[int, int]:
    return _answer(gpu, "capability", (9, 0))


def nvmlDeviceGetEccMode(gpu: Gpu) -> tuple[int, int]:
    return _answer(gpu, "ecc", (1, 1))


def nvmlDeviceGetUUID(gpu: Gpu) -> str:
    return _answer(gpu, "uuid", gpu["uuid"])


def _answer(gpu: Gpu, question: str, value: Any) -> Any:
    if question in gpu["refuses"]:
        raise NVMLError("Not Supported")
    if question in gpu["lacks"]:
        raise NVMLLibraryMismatchError("Unversioned function called")
    return value


def nvmlDeviceGetFieldValues(gpu: Gpu, fields: list[int]) -> list[SimpleNamespace]:
    assert fields == [NVML_FI_DEV_POWER_INSTANT]
    refused = 3 if "instant" in gpu["refuses"] else NVML_SUCCESS
    value = SimpleNamespace(uiVal=round(1000 * gpu["power_w"]))
    return [SimpleNamespace(nvmlReturn=refused, value=value)]


def nvmlDeviceGetPowerUsage(gpu: Gpu) -> int:
    return _answer(gpu, "power", round(1000 * gpu["power_w"]))


def nvmlDeviceGetTotalEnergyConsumption(gpu: Gpu) -> int:
    ticks = time.monotonic() // TICK_S
    return _answer(gpu, "energy", round(1000 * gpu["power_w"] * TICK_S * ticks))


def nvmlDeviceGetClockInfo(gpu: Gpu, kind: int) -> int:
    return _answer(gpu, "clocks", gpu["sm_mhz"] if kind == NVML_CLOCK_SM else gpu["memory_mhz"])


def nvmlDeviceGetTemperature(gpu: Gpu, kind: int) -> int:
    assert kind == NVML_TEMPERATURE_GPU
    return _answer(gpu, "temperature", gpu["temperature_c"])


def nvmlDeviceGetCurrentClocksEventReasons(gpu: Gpu) -> int:
    return _answer(gpu, "event_reasons", gpu["reasons"])


def nvmlDeviceGetCurrentClocksThrottleReasons(gpu: Gpu) -> int:
    return _answer(gpu, "reasons", gpu["reasons"])


def nvmlDeviceGetMaxClockInfo(gpu: Gpu, kind: int) -> int:
    return _answer(gpu, "max_clocks", 1980 if kind == NVML_CLOCK_SM else 2619)


def nvmlDeviceGetNumGpuCores(gpu: Gpu) -> int:
    return _answer(gpu, "cores", 16896)


def nvmlDeviceGetMemoryBusWidth(gpu: Gpu) -> int:
    return _answer(gpu, "bus", 5120)


def nvmlDeviceGetPowerManagementLimit(gpu: Gpu) -> int:
    return _answer(gpu, "limit", 700_000)


def nvmlDeviceGetUtilizationRates(gpu: Gpu) -> SimpleNamespace:
    return _answer(gpu, "utilisation", SimpleNamespace(gpu=98, memory=40))


def nvmlDeviceGetComputeRunningProcesses(gpu: Gpu) -> list[int]:
    return _answer(gpu, "processes", list(range(gpu["processes"])))


def nvmlDeviceGetMigMode(gpu: Gpu) -> tuple[int, int]:
    return _answer(gpu, "mig", (gpu["mig"], gpu["mig"]))
