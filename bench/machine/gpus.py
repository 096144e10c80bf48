"""GPUs as NVML sees them; no torch and no CUDA context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.machine.refusals import refusals


def gpu_facts() -> list[dict[str, Any]]:
    """Describe every GPU by kind and state: no UUID, serial or bus address; [] without NVML."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except refusals(pynvml):
        return []
    try:
        driver = _text(pynvml.nvmlSystemGetDriverVersion())
        cuda = pynvml.nvmlSystemGetCudaDriverVersion()
        common = {"driver": driver, "cuda_driver": f"{cuda // 1000}.{cuda % 1000 // 10}"}
        numbers = range(pynvml.nvmlDeviceGetCount())
        return [{"index": i, **_described(pynvml, i), **common} for i in numbers]
    except refusals(pynvml) as error:
        return [{"index": 0, "name": f"not exposed: {error}"}]
    finally:
        pynvml.nvmlShutdown()


def _described(nvml: Any, number: int) -> dict[str, Any]:
    """Describe one GPU; one in trouble is no reason not to describe the rest."""
    try:
        return _facts(nvml, nvml.nvmlDeviceGetHandleByIndex(number))
    except refusals(nvml) as error:
        return {"name": f"not exposed: {error}"}


def _facts(nvml: Any, gpu: Any) -> dict[str, Any]:
    """Ask for each fact by itself: cards differ in what they answer."""
    sm, memory = nvml.NVML_CLOCK_SM, nvml.NVML_CLOCK_MEM
    questions: dict[str, Callable[[], Any]] = {
        "name": lambda: _text(nvml.nvmlDeviceGetName(gpu)),
        "memory_bytes": lambda: nvml.nvmlDeviceGetMemoryInfo(gpu).total,
        "compute_capability": lambda: ".".join(
            map(str, nvml.nvmlDeviceGetCudaComputeCapability(gpu))
        ),
        "power_limit_w": lambda: nvml.nvmlDeviceGetPowerManagementLimit(gpu) / 1000,
        "sm_clock_mhz": lambda: nvml.nvmlDeviceGetClockInfo(gpu, sm),
        "sm_clock_max_mhz": lambda: nvml.nvmlDeviceGetMaxClockInfo(gpu, sm),
        "memory_clock_mhz": lambda: nvml.nvmlDeviceGetClockInfo(gpu, memory),
        "temperature_c": lambda: nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
        "throttle_reasons": lambda: nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu),
        "ecc": lambda: bool(nvml.nvmlDeviceGetEccMode(gpu)[0]),
        "mig": lambda: bool(nvml.nvmlDeviceGetMigMode(gpu)[0]),
        "other_processes": lambda: len(nvml.nvmlDeviceGetComputeRunningProcesses(gpu)),
    }
    found = {}
    for name, ask in questions.items():
        try:
            found[name] = ask()
        except refusals(nvml) as error:
            found[name] = f"not exposed: {error}"
    return found


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
