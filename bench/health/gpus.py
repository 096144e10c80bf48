"""GPUs: who else uses them, what holds their clocks down, what can be read of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from bench.cases.counted import counted
from bench.health.finding import Finding
from bench.machine.probes import throttle
from bench.machine.probes.visible import NotVisible, nvml_names


def gpus(facts: dict[str, Any]) -> Iterator[Finding]:
    """Tell of every GPU that NVML sees; a fact it does not expose is a sentence, not a number."""
    found = facts["gpus"]
    if not found:
        yield Finding("GPU", "none seen by NVML")
        return
    for gpu in found:
        yield _gpu(gpu)
    yield _readable()


def _gpu(gpu: dict[str, Any]) -> Finding:
    advice, makes_it = [], []
    others, reasons = gpu.get("other_processes"), gpu.get("throttle_reasons")
    if isinstance(others, int) and others:
        advice.append(f"in use by {counted(others, 'other process')}: stop what uses it")
        makes_it.append("sharing its GPU")
    if isinstance(reasons, int) and throttle.slowing(reasons):
        why = ", ".join(throttle.in_words(reasons))
        advice.append(f"its clocks are held down ({why}): let it cool, look at `nvidia-smi -q`")
        makes_it.append("slowing its GPU down")
    if gpu.get("mig") is True:
        advice.append("it is sliced (MIG): other slices share its power and memory bandwidth")
        makes_it.append("sharing its GPU")
    seen = f"{gpu['name']}, driver {gpu.get('driver')}, {gpu.get('temperature_c')} C"
    return Finding(
        f"GPU {gpu['index']}", seen, "; ".join(advice), " and ".join(dict.fromkeys(makes_it))
    )


def _readable() -> Finding:
    """Say whether power and clocks can be read while a step is timed."""
    try:
        nvml_names([0], os.environ)
    except NotVisible as error:
        return Finding("GPU readings", "off while timing", f"{error}: throttling goes unseen")
    return Finding("GPU readings", "power, clocks and throttling are watched while timing")
