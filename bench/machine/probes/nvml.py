"""The NVML sampler: `python -m bench.machine.probes.nvml PARENT_PID DEVICES PERIOD_S FILE`.

It appends one JSON line a reading to FILE, without torch. DEVICES are NVML's own numbers
or UUIDs, joined by commas. The first line says what is asked of each device, or why nothing is.
A reading: when it began on the monotonic clock, how long NVML took, this process's CPU seconds so
far, and a dictionary a device with whatever that one answered.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.machine.refusals import refusals
from bench.system import process

Answers = dict[str, float]

PROCESSES_EVERY = 4  # readings: asking for the list of processes costs more than the rest
_NICENESS = 10  # on a full machine the worker goes first, and a reading comes late


def main() -> None:
    """Read until the parent dies or kills."""
    parent, devices, period_s, file = sys.argv[1:]
    process.die_with_parent(int(parent))
    os.nice(_NICENESS)
    out = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for line in readings(devices.split(","), float(period_s)):
        os.write(out, json.dumps(line).encode() + b"\n")


def readings(names: list[str], period_s: float) -> Iterator[dict[str, Any]]:
    """Yield what is asked, then a reading every period; only the reason where NVML is not there."""
    import pynvml

    try:
        pynvml.nvmlInit()
        devices = [Device(pynvml, handle_of(pynvml, name)) for name in names]
    except refusals(pynvml) as error:
        yield {"off": str(error)}
        return
    yield {"asked": [device.asked for device in devices]}
    number, due_s = 0, time.monotonic()
    while True:
        begun_s = time.monotonic()
        found = [device.read(with_processes=number % PROCESSES_EVERY == 0) for device in devices]
        yield {
            "at_s": begun_s,
            "took_s": time.monotonic() - begun_s,
            "cpu_s": time.process_time(),
            "devices": found,
        }
        number += 1
        due_s = max(due_s + period_s, time.monotonic())
        time.sleep(max(due_s - time.monotonic(), 0.0))


def handle_of(nvml: Any, name: str) -> Any:
    """Return the GPU of a number, or of a UUID or its beginning; NVMLError where there is none."""
    if name.isdigit():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    found = [gpu for gpu in handles_in_order(nvml) if uuid_of(nvml, gpu).startswith(name)]
    if len(found) != 1:  # CUDA takes the beginning of a UUID, NVML wants all of it
        raise nvml.NVMLError(nvml.NVML_ERROR_NOT_FOUND)
    return found[0]


def handles_in_order(nvml: Any) -> Iterator[Any]:
    """Yield every GPU that answers: one that has fallen off the bus is not the others' fault."""
    for number in range(nvml.nvmlDeviceGetCount()):
        with contextlib.suppress(*refusals(nvml)):
            yield nvml.nvmlDeviceGetHandleByIndex(number)


def uuid_of(nvml: Any, gpu: Any) -> str:
    """Return a GPU's UUID; it stays on this machine."""
    uuid = nvml.nvmlDeviceGetUUID(gpu)
    return uuid.decode() if isinstance(uuid, bytes) else str(uuid)


class Device:
    """One GPU and the questions it answers; what it refuses at first is not asked again."""

    def __init__(self, nvml: Any, gpu: Any):
        self._refused = refusals(nvml)
        self._power = _power(nvml, gpu)
        questions = {**_of_clocks(nvml, gpu), "power": self._power, **_of_board(nvml, gpu)}
        if self._is_sliced(nvml, gpu):
            questions = _of_clocks(nvml, gpu)  # of MIG slices the rest tells the whole board's
        self._questions = {n: ask for n, ask in questions.items() if self._answer(ask)}

    @property
    def asked(self) -> list[str]:
        """Name what is asked, and of power which kind: `power_instant` or `power_average`."""
        kind = f"power_{self._power.__name__}"
        return [kind if name == "power" else name for name in self._questions]

    def read(self, with_processes: bool) -> Answers:
        """Ask every question; what is not answered this time is left out."""
        found: Answers = {}
        for name, ask in self._questions.items():
            if with_processes or name != "processes":
                found |= self._answer(ask)
        return found

    def _answer(self, ask: Callable[[], Answers]) -> Answers:
        try:
            return ask()
        except self._refused:
            return {}

    def _is_sliced(self, nvml: Any, gpu: Any) -> bool:
        with contextlib.suppress(*self._refused):
            return bool(nvml.nvmlDeviceGetMigMode(gpu)[0])
        return False


def _power(nvml: Any, gpu: Any) -> Callable[[], Answers]:
    """Return how to ask for power: of this moment, or what the driver gives, a mean over 1 s."""

    def instant() -> Answers:
        (field,) = nvml.nvmlDeviceGetFieldValues(gpu, [nvml.NVML_FI_DEV_POWER_INSTANT])
        if field.nvmlReturn != nvml.NVML_SUCCESS:
            raise nvml.NVMLError(field.nvmlReturn)
        return {"power_w": field.value.uiVal / 1000}

    def average() -> Answers:
        return {"power_w": nvml.nvmlDeviceGetPowerUsage(gpu) / 1000}

    return _first_answered(nvml, [instant, average])


def _reasons(nvml: Any, gpu: Any) -> Callable[[], Answers]:
    """Return how to ask why clocks are held down: drivers before 535 know the older name only."""

    def event() -> Answers:
        return {"event_reasons": nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu)}

    def throttle() -> Answers:
        return {"event_reasons": nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)}

    return _first_answered(nvml, [event, throttle])


def _first_answered(nvml: Any, ways: list[Callable[[], Answers]]) -> Callable[[], Answers]:
    for ask in ways:
        with contextlib.suppress(*refusals(nvml)):
            ask()
            return ask
    return ways[-1]


def _of_clocks(nvml: Any, gpu: Any) -> dict[str, Callable[[], Answers]]:
    """Return the questions that a slice of a GPU answers too."""
    clock, temperature = nvml.nvmlDeviceGetClockInfo, nvml.nvmlDeviceGetTemperature
    return {
        "sm_clock": lambda: {"sm_clock_mhz": clock(gpu, nvml.NVML_CLOCK_SM)},
        "memory_clock": lambda: {"memory_clock_mhz": clock(gpu, nvml.NVML_CLOCK_MEM)},
        "temperature": lambda: {"temperature_c": temperature(gpu, nvml.NVML_TEMPERATURE_GPU)},
        "event_reasons": _reasons(nvml, gpu),
    }


def _of_board(nvml: Any, gpu: Any) -> dict[str, Callable[[], Answers]]:
    def utilisation() -> Answers:
        rates = nvml.nvmlDeviceGetUtilizationRates(gpu)
        return {"gpu_utilisation": rates.gpu / 100, "memory_utilisation": rates.memory / 100}

    energy_mj = nvml.nvmlDeviceGetTotalEnergyConsumption
    processes = nvml.nvmlDeviceGetComputeRunningProcesses
    return {
        "energy": lambda: {"energy_j": energy_mj(gpu) / 1000},
        "utilisation": utilisation,
        "processes": lambda: {"num_processes": len(processes(gpu))},
    }


if __name__ == "__main__":
    main()
