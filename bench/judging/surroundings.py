"""How two environments differ in what was really there: effective facts, and variables.

A run says what it knows: what an earlier version did not record is unknown, and differs from
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NONE = "none"
NOT_EXPOSED = "not exposed"  # how `bench.machine.gpus` begins what a card does not answer
# Facts of a GPU that are no reading of the moment.
FACTS_OF_GPUS = (
    "name",
    "memory_bytes",
    "compute_capability",
    "power_limit_w",
    "sm_clock_max_mhz",
    "ecc",
    "mig",
    "driver",
    "cuda_driver",
)

Pair = tuple[str, str]

# What may not change between the sessions of one run, beside effective facts and variables.
SAME = ("machine_id", "kernel", "python", "torch", "cuda", "libraries")

# what runs recorded of the environment before they recorded effective facts
_RECORDED_EARLIER = (
    *("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "LD_PRELOAD", "MALLOC_", "CUDA_", "NVIDIA_"),
    *("NCCL_", "PYTORCH_", "TORCH", "TRITON_", "CUBLAS", "CUDNN_"),
)


def apart(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Pair]:
    """Return what differs by name, as texts: variables first, then what they may have done."""
    return {**dict(_variables(before, after)), **dict(_effective(before, after))}


def facts_of_gpus(environment: dict[str, Any]) -> dict[str, str]:
    """Return what is known of each GPU that lasts, by the GPU's number and the fact."""
    found = environment.get("gpus")
    return {
        f"GPU {index} {name}": str(gpu[name])
        for index, gpu in enumerate(found if isinstance(found, list) else [])
        if isinstance(gpu, dict)
        for name in FACTS_OF_GPUS
        if name in gpu
    }


def gpus_apart(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Pair]:
    """Return the facts of GPUs that differ; what one side was not told differs from nothing."""
    was, now = facts_of_gpus(before), facts_of_gpus(after)
    both = {name: (was[name], now[name]) for name in was if name in now}
    return {
        name: pair
        for name, pair in both.items()
        if pair[0] != pair[1] and not any(fact.startswith(NOT_EXPOSED) for fact in pair)
    }


def elsewhere(before: dict[str, Any], now: dict[str, Any], device: str) -> dict[str, Any]:
    """Return what is no longer as it was when a run on this device began, so that none resumes."""
    same = {n: (before.get(n), now[n]) for n in SAME if before.get(n) != now[n]}
    of_device = {} if device == "cpu" else gpus_apart(before, now)
    return {**same, **apart(before, now), **of_device}


def _effective(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, Pair]]:
    was, now = _group(before, "effective"), _group(after, "effective")
    for name in was:
        if name in now and was[name] != now[name]:
            yield name, (was[name], now[name])


def _variables(before: dict[str, Any], after: dict[str, Any]) -> Iterator[tuple[str, Pair]]:
    was, now = _group(before, "settings"), _group(after, "settings")
    both_know = "effective" in before and "effective" in after
    for name in sorted(was.keys() | now.keys()):
        pair = was.get(name, NONE), now.get(name, NONE)
        if pair[0] != pair[1] and (both_know or name.startswith(_RECORDED_EARLIER)):
            yield name, pair


def _group(environment: dict[str, Any], name: str) -> dict[str, str]:
    found = environment.get(name)
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
