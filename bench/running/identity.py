"""By which names a device is locked: a GPU by what it is, not by which number it has here.

`CUDA_VISIBLE_DEVICES` and containers number GPUs anew. A GPU's UUID is its own everywhere, and
private to its machine: names hold a hash of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from bench.cases.case import Case
from bench.machine.probes.nvml import handle_of, handles_in_order, uuid_of
from bench.machine.probes.sampler import gpus_of
from bench.machine.probes.visible import NotVisible, nvml_names
from bench.machine.refusals import refusals


def names_of(device: str, cases: Sequence[Case] = ()) -> list[str]:
    """Return the names of a device and of all that the cases' ranks run on, in order.

    Without NVML a GPU has no name but torch's; where it cannot be told which GPUs they are (slices,
    an order of CUDA's own), all of them are named.
    """
    cpu = ["cpu"] if any(case.device == "cpu" for case in cases) else []  # ranks beside a GPU
    if device == "cpu":
        return ["cpu"]
    numbers = {int(device.partition(":")[2] or 0)}
    numbers |= {number for case in cases for number in gpus_of(case)}
    found = _uuids(sorted(numbers))
    if not found:
        return [*cpu, *(f"cuda-{number}" for number in sorted(numbers))]
    hashed = {f"gpu-{hashlib.sha256(uuid.encode()).hexdigest()[:16]}" for uuid in found}
    return [*cpu, *sorted(hashed)]


def _uuids(numbers: list[int]) -> list[str]:
    import pynvml

    try:
        pynvml.nvmlInit()
    except refusals(pynvml):
        return []
    try:
        return [_uuid(pynvml, name) for name in nvml_names(numbers, os.environ)]
    except refusals(pynvml, NotVisible):
        return _all_that_answer(pynvml)
    finally:
        pynvml.nvmlShutdown()


def _uuid(nvml: Any, name: str) -> str:
    return uuid_of(nvml, handle_of(nvml, name))


def _all_that_answer(nvml: Any) -> list[str]:
    try:
        return [uuid_of(nvml, gpu) for gpu in handles_in_order(nvml)]
    except refusals(nvml):
        return []
