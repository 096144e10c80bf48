"""Peak memory on a GPU: the caching allocator's own count."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from bench.cases.case import Measurement
from bench.workers.contest import Contest
from bench.workers.roles.kernels import kernels_of
from bench.workers.roles.operators import judged
from bench.workers.roles.result import Result
from bench.workers.roles.running import phases_of, saved


def peak_on_cuda(contest: Contest, inputs: Any) -> Result:
    """Run a call between a reset and a reading of the allocator's peaks.

    cuBLAS's workspace is a constant of the process, of tens of MiB, and lives in the same allocator
    since the call before: it is told by itself, and no part of a call's peak.
    """
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
    peak, reserved = (
        torch.cuda.max_memory_allocated(device),
        torch.cuda.max_memory_reserved(device),
    )
    workspace = _workspace_bytes(device)
    result = Result(
        [
            Measurement("peak", "bytes", [float(peak - workspace)]),
            Measurement("peak_reserved", "bytes", [float(reserved)]),
            Measurement("cublas_workspace", "bytes", [float(workspace)]),
            *saved(contest, left_alive),
        ],
        {"memory_counted_by": "CUDA caching allocator"},
    )
    if contest.setting.ranks > 1:
        return result
    contest.restart()
    kernels = kernels_of(lambda: list(phases_of(contest, inputs)), device)
    if kernels is None:
        return replace(result, labels={**result.labels, "operators": "the profiler sees no kernel"})
    return judged(result, contest, kernels)


def _workspace_bytes(device: torch.device) -> int:
    """Return what cuBLAS holds, by letting go of it."""
    held = torch.cuda.memory_allocated(device)
    torch._C._cuda_clearCublasWorkspaces()
    return held - torch.cuda.memory_allocated(device)
