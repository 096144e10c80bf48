"""What a call does: recorded last, in a call that nothing is measured in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from bench.checking.structure.compiled import Compiling, cached_work
from bench.checking.structure.recording import record
from bench.checking.structure.structure import Structure
from bench.workers.contest import Contest
from bench.workers.roles.kernels import kernels_of
from bench.workers.roles.result import Result

_LONGEST = 120  # characters of a reason, and of a kernel's name


def with_structure(result: Result, contest: Contest, inputs: Any, compiling: Compiling) -> Result:
    """Add what a call does to a result; where that cannot be seen, the result says why.

    A variant that cannot be watched is measured all the same.
    """
    work = cached_work()
    labels = {**result.labels, **({"compile_caches": work} if work else {})}
    try:
        found = _recorded(contest, inputs, compiling)
    except Exception as error:
        why = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        labels["structure_not_seen"] = why[:_LONGEST]
        return replace(result, labels=labels, structure=None)
    counted = result.structure
    if counted is not None:
        found = replace(
            found, allocations=counted.allocations, allocated_bytes=counted.allocated_bytes
        )
    return replace(result, labels=labels, structure=found)


def _recorded(contest: Contest, inputs: Any, compiling: Compiling) -> Structure:
    """Record a call from the start, or of a training step a later one: the how manieth is fixed."""
    call = contest.problem.call(contest.step, contest.setting)  # without our own copies
    if contest.phases is None:
        contest.reset()
    elif contest.ledger is not None:  # which has asked for as many calls as it needed
        contest.reset()
        call(_given(contest, inputs))
    given, differentiates = _given(contest, inputs), contest.case.pass_ != "fwd"
    if contest.setting.device.type != "cuda":
        return record(lambda: call(given), compiling, differentiates)
    found = _on_cuda(lambda: record(lambda: call(given), compiling, differentiates), contest)
    return replace(found, launches=_launches(call, contest, inputs))


def _given(contest: Contest, inputs: Any) -> Any:
    return contest.problem.fresh(inputs) if contest.fresh_inputs else inputs


def _on_cuda(recording: Callable[[], Structure], contest: Contest) -> Structure:
    """Count what the caching allocator was asked for meanwhile."""
    device = contest.setting.device
    before = torch.cuda.memory_stats(device)
    found = recording()
    after = torch.cuda.memory_stats(device)
    number, size = (
        int(after[name] - before[name])
        for name in ("allocation.all.allocated", "allocated_bytes.all.allocated")
    )
    return replace(found, allocations=number, allocated_bytes=size)


def _launches(call: Callable[[Any], Any], contest: Contest, inputs: Any) -> dict[str, int]:
    """Count the kernels and copies of one more call; none where the profiler sees none."""
    if contest.setting.ranks > 1:
        return {}
    contest.restart()
    given = _given(contest, inputs)
    names = kernels_of(lambda: call(given), contest.setting.device) or []
    return dict(Counter(name[:_LONGEST] for name in names))
