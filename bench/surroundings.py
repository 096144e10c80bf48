"""How two environments differ in what was really there: effective facts, and variables.

A run says what it knows: what an earlier version did not record is unknown, and differs from
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

NONE = "none"

Pair = tuple[str, str]

# what runs recorded of the environment before they recorded effective facts
_RECORDED_EARLIER = (
    *("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "LD_PRELOAD", "MALLOC_", "CUDA_", "NVIDIA_"),
    *("NCCL_", "PYTORCH_", "TORCH", "TRITON_", "CUBLAS", "CUDNN_"),
)


def apart(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Pair]:
    """Return what differs by name, as texts: variables first, then what they may have done."""
    return {**dict(_variables(before, after)), **dict(_effective(before, after))}


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
