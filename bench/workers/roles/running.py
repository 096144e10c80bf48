"""Run one call for the memory role, phase by phase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.cases.case import Measurement
from bench.workers.contest import Contest

SAVED = "activations"  # what the first phase leaves alive for the next ones


def phases_of(contest: Contest, inputs: Any) -> Iterator[str]:
    """Run a call; one without phases is a single phase, whose outputs live until it is over."""
    if contest.phases is not None:
        yield from contest.phases.start(inputs)
        return
    outputs = contest.call(inputs)
    yield "call"
    del outputs


def saved(contest: Contest, num_bytes: int) -> list[Measurement]:
    """Return what the first phase, the forward pass, left alive for the next ones."""
    if contest.phases is None:
        return []
    return [Measurement(SAVED, "bytes", [float(num_bytes)])]
