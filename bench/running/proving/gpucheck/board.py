"""What NVML says that a board can do at most, and under which limits; no torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.machine.probes.nvml import handle_of
from bench.machine.probes.visible import NotVisible, nvml_names
from bench.machine.refusals import refusals
from bench.running.proving.gpucheck.finding import NotTold


@dataclass(frozen=True)
class Board:
    """Facts of one GPU; None where it does not tell."""

    cores: int | None = None
    sm_clock_hz: float | None = None
    memory_clock_hz: float | None = None
    bus_bits: int | None = None
    power_limit_w: float | None = None

    @property
    def bytes_per_s(self) -> float | None:
        """Return the rate of its memory, which moves two words of the bus a cycle."""
        if self.memory_clock_hz is None or self.bus_bits is None:
            return None
        return 2 * self.memory_clock_hz * self.bus_bits / 8

    @property
    def core_cycles_per_s(self) -> float | None:
        if self.cores is None or self.sm_clock_hz is None:
            return None
        return self.cores * self.sm_clock_hz


def board_of(device: str) -> Board:
    """Ask NVML of one of torch's devices; `NotTold` where there is no NVML, or not this device."""
    import pynvml

    number = int(device.partition(":")[2] or 0)
    try:
        pynvml.nvmlInit()
        gpu = handle_of(pynvml, nvml_names([number], os.environ)[0])
    except refusals(pynvml, NotVisible) as error:
        raise NotTold(f"NVML does not tell of {device}: {error}") from None
    return Board(**{name: _answer(pynvml, ask) for name, ask in _questions(pynvml, gpu).items()})


def _questions(nvml: Any, gpu: Any) -> dict[str, Callable[[], Any]]:
    return {
        "cores": lambda: nvml.nvmlDeviceGetNumGpuCores(gpu),
        "sm_clock_hz": lambda: 1e6 * nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM),
        "memory_clock_hz": lambda: 1e6 * nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_MEM),
        "bus_bits": lambda: nvml.nvmlDeviceGetMemoryBusWidth(gpu),
        "power_limit_w": lambda: nvml.nvmlDeviceGetPowerManagementLimit(gpu) / 1000,
    }


def _answer(nvml: Any, ask: Callable[[], Any]) -> Any:
    try:
        return ask() or None
    except refusals(nvml):
        return None
