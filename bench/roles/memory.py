"""The memory role: the peak of live tensor bytes, and of the process's resident set."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.autograd.profiler import profile

from bench.case import Measurement
from bench.contest import Contest
from bench.roles.operators import judged, names_in, saw_kernels, watch_cuda
from bench.roles.result import Result
from bench.tensors import storage_bytes

SAVED = "activations"  # what the first phase leaves alive for the next ones


def memory(contest: Contest) -> Result:
    """Measure a second call; the peak includes all that is alive then: inputs, weights, masks.

    A pure or restored step is measured from its start; a training step in its steady state, with
    the optimiser state of a first step alive. Several ranks account for what they hold and send;
    allocations on their communication threads cannot be followed, so they have no peak on a CPU.
    """
    inputs = contest.problem.make_inputs(0, contest.setting)
    contest.reset()
    contest.call(inputs)  # what libraries and compilers allocate once is no part of a call
    if contest.phases is None:
        contest.reset()
    result = _peak(contest, inputs)
    result.measurements.extend(contest.problem.account(contest.built, inputs, contest.setting))
    return result


def _peak(contest: Contest, inputs: Any) -> Result:
    if contest.setting.device.type == "cuda":
        return _on_cuda(contest, inputs)
    return _on_cpu(contest, inputs) if contest.setting.ranks == 1 else Result()


def _on_cuda(contest: Contest, inputs: Any) -> Result:
    device = contest.setting.device
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    running = _phases(contest, inputs)
    next(running)
    saved = torch.cuda.memory_allocated(device) - before
    for _ in running:
        pass
    torch.cuda.synchronize(device)
    result = Result(
        [
            Measurement("peak", "bytes", [float(torch.cuda.max_memory_allocated(device))]),
            Measurement("peak_reserved", "bytes", [float(torch.cuda.max_memory_reserved(device))]),
            *_saved(contest, saved),
        ],
        {"memory_counted_by": "CUDA caching allocator"},
    )
    if contest.setting.ranks > 1:
        return result
    if contest.phases is None:
        contest.reset()
    profiler = watch_cuda(contest, lambda: list(_phases(contest, inputs)))
    return judged(result, contest, names_in(profiler)) if saw_kernels(profiler) else result


def _on_cpu(contest: Contest, inputs: Any) -> Result:
    before = _resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # restart the high-water mark
    outputs = contest.call(inputs)
    grown = max(_resident_bytes("VmHWM") - before, 0)
    del outputs
    if contest.phases is None:
        contest.reset()
    held = _live_tensor_bytes()
    peak, live, names = _follow(_phases(contest, inputs))
    result = Result(
        [
            Measurement("peak", "bytes", [float(held + peak)]),
            Measurement("resident_growth", "bytes", [float(grown)]),
            *_saved(contest, live[0]),
        ],
        {"memory_counted_by": "live tensors, plus the profiler's allocation events"},
    )
    return judged(result, contest, names)


def _phases(contest: Contest, inputs: Any) -> Iterator[str]:
    """Run a call phase by phase; one without phases is a single phase."""
    if contest.phases is not None:
        yield from contest.phases.start(inputs)
        return
    outputs = contest.call(inputs)
    yield "call"
    del outputs


def _follow(running: Iterator[str]) -> tuple[int, list[int], list[str]]:
    """Return the highest growth of live bytes during a call, and the growth after each phase.

    And the names of what ran.
    """
    live, peak = [0], 0
    names: list[str] = []
    ended = False
    while not ended:
        with profile(profile_memory=True) as profiler:
            ended = next(running, None) is None
        highest, net = _events(profiler)
        peak = max(peak, live[-1] + highest)
        live.append(live[-1] + net)
        names += names_in(profiler)
    return peak, live[1:], names


def _saved(contest: Contest, live: int) -> list[Measurement]:
    """Return what the first phase, the forward pass, left alive for the next ones."""
    return [Measurement(SAVED, "bytes", [float(live)])] if contest.phases is not None else []


def _live_tensor_bytes() -> int:
    """Sum the storages of every tensor alive in this process; a compiler's stand-ins have none."""
    gc.collect()
    tensors = [o for o in gc.get_objects() if type(o) in (torch.Tensor, torch.nn.Parameter)]
    return storage_bytes([t for t in tensors if t.device.type == "cpu" and not _is_stand_in(t)])


def _is_stand_in(tensor: torch.Tensor) -> bool:
    return tensor.layout != torch.strided or torch._is_functional_tensor(tensor)


def _events(profiler: profile) -> tuple[int, int]:
    """Return the highest running sum of allocations and frees, and the last one.

    Kernels' own buffers are among them.
    """
    results = profiler.kineto_results
    assert results is not None
    events: list[Any] = [event for event in results.events() if event.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak, live


def _resident_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")
