"""Peak memory on a GPU: the caching allocator's own count."""

from __future__ import annotations

from typing import Any

import torch

from bench.case import Measurement
from bench.contest import Contest
from bench.roles.operators import judged, names_in, saw_kernels, watch_cuda
from bench.roles.result import Result
from bench.roles.running import phases_of, saved


def peak_on_cuda(contest: Contest, inputs: Any) -> Result:
    """Run a call between a reset and a reading of the allocator's peaks."""
    device = contest.setting.device
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    running = phases_of(contest, inputs)
    next(running)
    left_alive = torch.cuda.memory_allocated(device) - before
    for _ in running:
        pass
    torch.cuda.synchronize(device)
    result = Result(
        [
            Measurement("peak", "bytes", [float(torch.cuda.max_memory_allocated(device))]),
            Measurement("peak_reserved", "bytes", [float(torch.cuda.max_memory_reserved(device))]),
            *saved(contest, left_alive),
        ],
        {"memory_counted_by": "CUDA caching allocator"},
    )
    if contest.setting.ranks > 1:
        return result
    contest.restart()
    profiler = watch_cuda(contest, lambda: list(phases_of(contest, inputs)))
    return judged(result, contest, names_in(profiler)) if saw_kernels(profiler) else result
