"""What a step waits for, and what its collectives take with nothing to hide behind; no profiler.

A rank's thread that trains is computing while its CPU clock runs, and has no core while the kernel
says that it could run and does not; the rest of a step it waits, for messages or for other ranks.
Beside it the same collectives are called once more, alone and one after another. On a GPU the
host's clocks tell neither: there a profile does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from bench import Measurement, Setting
from suites.distributed.traffic import COLLECTIVES, operator_of
from suites.distributed.workload import Batch

NUM_STEPS = 2
NUM_REPLAYS = 2  # the first meets connections and pages that are new
Call = tuple[Any, Any, dict[str, Any]]


@dataclass(frozen=True)
class Like:
    """Stands for a tensor that a collective was given."""

    shape: torch.Size
    dtype: torch.dtype

    def made(self, device: torch.device) -> Tensor:
        return torch.zeros(self.shape, dtype=self.dtype, device=device)


class Recorded(TorchDispatchMode):
    """Remember every collective called while active, with its arguments but no numbers."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.namespace == "c10d" and operator_of(func) in COLLECTIVES:
            self.calls.append((func, *tree_map(_like, (args, kwargs or {}))))
        return func(*args, **(kwargs or {}))


def overheads(strategy: Any, batch: Batch, setting: Setting) -> list[Measurement]:
    """Time steps by the wall and by this thread's work, then their collectives alone.

    All ranks return the same, as parts of a step. `exposed_share` is what a rank waits, and
    `coreless_share` what it could compute but has no core, both as means over ranks;
    `bare_over_step` the time of the collectives alone; `busy_spread` how far the ranks' own
    computing lies apart.
    """
    if setting.ranks < 2 or setting.device.type != "cpu":
        return []
    with Recorded() as recorded:
        strategy.step(batch)
    own = _steps(strategy, batch)
    bare_s = min(_alone(recorded.calls, setting) for _ in range(NUM_REPLAYS))
    walls, busy, coreless, bare = _of_all_ranks([*own, bare_s], setting)
    step_s = float(walls.max())
    shares = {
        "exposed_share": float((walls - busy - coreless).clamp(min=0.0).mean() / step_s),
        "coreless_share": float(coreless.mean() / step_s),
        "bare_over_step": float(bare.mean() / step_s),
        "busy_spread": float((busy.max() - busy.min()) / step_s),
    }
    return [Measurement(name, "1", [round(share, 9)]) for name, share in shares.items()]


def _steps(strategy: Any, batch: Batch) -> list[float]:
    """Return the seconds of a step, and this thread's own in it: computing, and without a core."""
    total = [0.0, 0.0, 0.0]
    for _ in range(NUM_STEPS):
        dist.barrier()
        begun = _clocks()
        strategy.step(batch)
        passed = [now - then for now, then in zip(_clocks(), begun, strict=True)]
        total = [sum(pair) for pair in zip(total, passed, strict=True)]
    return [seconds / NUM_STEPS for seconds in total]


def _clocks() -> tuple[float, float, float]:
    """Read the wall, this thread's CPU time, and how long it has waited for a core."""
    try:
        queued_ns = int(Path("/proc/thread-self/schedstat").read_text().split()[1])
    except (OSError, IndexError):
        queued_ns = 0  # a kernel that does not say
    return perf_counter(), thread_time(), queued_ns * 1e-9


def _alone(calls: list[Call], setting: Setting) -> float:
    """Return the seconds of all collectives, each begun by all ranks together."""
    total = 0.0
    for func, args, kwargs in calls:
        given, named = tree_map(
            lambda one: one.made(setting.device) if isinstance(one, Like) else one, (args, kwargs)
        )
        dist.barrier()
        started = perf_counter()
        _wait(func(*given, **named))
        total += perf_counter() - started
    return total


def _wait(returned: Any) -> None:
    """Wait for the work that a collective's operator returns, alone or behind its tensors."""
    work = returned[-1] if isinstance(returned, tuple | list) else returned
    dist.Work.unbox(work).wait()


def _of_all_ranks(own: list[float], setting: Setting) -> Tensor:
    """Return the figures of all ranks, (figure, rank)."""
    mine = torch.tensor(own, dtype=torch.float64)
    every = [torch.empty_like(mine) for _ in range(setting.ranks)]
    dist.all_gather(every, mine)
    return torch.stack(every, dim=1)


def _like(one: Any) -> Any:
    return Like(one.shape, one.dtype) if isinstance(one, Tensor) else one
