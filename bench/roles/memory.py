"""The memory role: the peak of live tensor bytes, and of the process's resident set."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import torch
from torch.autograd.profiler import profile

from bench.case import Measurement
from bench.contest import Contest
from bench.roles.result import Result
from bench.tensors import storage_bytes


def memory(contest: Contest) -> Result:
    """Measure a second call; the peak includes all that is alive then: inputs, weights, masks."""
    inputs = contest.problem.make_inputs(0, contest.setting)
    contest.reset()
    contest.call(inputs)  # what libraries and compilers allocate once is no part of a call
    contest.reset()
    if contest.setting.device.type == "cuda":
        return _on_cuda(contest, inputs)
    return _on_cpu(contest, inputs)


def _on_cuda(contest: Contest, inputs: Any) -> Result:
    device = contest.setting.device
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    outputs = contest.call(inputs)
    torch.cuda.synchronize(device)
    del outputs
    return Result(
        [
            Measurement("peak", "bytes", [float(torch.cuda.max_memory_allocated(device))]),
            Measurement("peak_reserved", "bytes", [float(torch.cuda.max_memory_reserved(device))]),
        ],
        {"memory_counted_by": "CUDA caching allocator"},
    )


def _on_cpu(contest: Contest, inputs: Any) -> Result:
    before = _resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # restart the high-water mark
    outputs = contest.call(inputs)
    grown = max(_resident_bytes("VmHWM") - before, 0)
    del outputs
    contest.reset()
    held = _live_tensor_bytes()
    with profile(profile_memory=True) as profiler:
        outputs = contest.call(inputs)
    del outputs
    return Result(
        [
            Measurement("peak", "bytes", [float(held + _peak_of_events(profiler))]),
            Measurement("resident_growth", "bytes", [float(grown)]),
        ],
        {"memory_counted_by": "live tensors, plus the profiler's allocation events"},
    )


def _live_tensor_bytes() -> int:
    """Sum the storages of every tensor alive in this process; a compiler's stand-ins have none."""
    gc.collect()
    tensors = [o for o in gc.get_objects() if type(o) in (torch.Tensor, torch.nn.Parameter)]
    return storage_bytes([t for t in tensors if t.device.type == "cpu" and not _is_stand_in(t)])


def _is_stand_in(tensor: torch.Tensor) -> bool:
    return tensor.layout != torch.strided or torch._is_functional_tensor(tensor)


def _peak_of_events(profiler: profile) -> int:
    """Return the highest running sum of allocations and frees, kernels' own buffers included."""
    results = profiler.kineto_results
    assert results is not None
    events: list[Any] = [event for event in results.events() if event.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def _resident_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")
