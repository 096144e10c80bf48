"""Which operators a call ran, and what it means where none of them computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch.autograd.profiler import profile

from bench.checking.computing import computing, in_words
from bench.workers.contest import Contest
from bench.workers.roles.result import Result


def judged(result: Result, contest: Contest, names: list[str]) -> Result:
    """Add the operators to a result; flag it where FLOPs are declared and nothing computes."""
    found = computing(names)
    if found:
        return replace(result, labels={**result.labels, "operators": in_words(found)})
    if not contest.case.flops:
        return result
    why = (
        f"declares {contest.case.flops} FLOPs, and a call runs nothing that computes, only "
        f"{in_words(names) or 'what the profiler cannot see'} (a kernel outside torch, or in a "
        "thread of its own, is seen under torch.autograd.profiler.record_function)"
    )
    return replace(result, flags=[*result.flags, "impossible"], detail=why)


def names_in(profiler: profile) -> list[str]:
    """Name all that a profiler saw, in order; allocations are no operators."""
    events = [e for e in _events(profiler) if e.name() != "[memory]"]
    return [event.name() for event in sorted(events, key=lambda event: event.start_ns())]


def _events(profiler: profile) -> list[Any]:
    results = profiler.kineto_results
    assert results is not None
    return list(results.events())
