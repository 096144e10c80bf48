"""The time of a step of several ranks: computing, waiting for messages, or neither.

Communication is hidden where the rank computes meanwhile, else exposed. On a GPU a rank computes
while a kernel runs that is no collective; on a CPU while an operator does, on threads other than
those that carry messages.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.profiling.classes import COMMUNICATION, WAITING, class_of
from bench.profiling.intervals import Interval, common, joined, length
from bench.profiling.steps import Steps

NOT_COMPUTING = (COMMUNICATION, WAITING)


@dataclass(frozen=True)
class Overlap:
    """Seconds of one rank's step, averaged; the four but `hidden_s` add up to the step.

    `hidden_s` is also part of `compute_s`.
    """

    rank: int
    step_s: float
    compute_s: float
    exposed_s: float
    hidden_s: float

    @property
    def idle_s(self) -> float:
        """Return the seconds without an operator or a message: Python, and other waits."""
        return max(self.step_s - self.compute_s - self.exposed_s, 0.0)


def overlap(steps: Steps) -> Overlap:
    """Split the steps of one rank."""
    windows = joined(steps.windows)
    computing = common(joined(_computing(steps)), windows)
    talking = common(joined(_talking(steps)), windows)
    both = length(common(computing, talking))
    taken = max(len(steps.windows), 1)
    return Overlap(
        steps.facts.rank,
        length(windows) / taken,
        length(computing) / taken,
        (length(talking) - both) / taken,
        both / taken,
    )


def _computing(steps: Steps) -> list[Interval]:
    if steps.kernels:
        own = [e for e in steps.kernels if class_of(e.name) != COMMUNICATION]
        return [(event.start_s, event.end_s) for event in own]
    found = (steps.counted(node) for node in steps.nodes)
    events = {id(node): node.event for node in found if node is not None}.values()
    return [(e.start_s, e.end_s) for e in events if class_of(e.name) not in NOT_COMPUTING]


def _talking(steps: Steps) -> list[Interval]:
    if steps.kernels:
        talking = [e for e in steps.kernels if class_of(e.name) == COMMUNICATION]
    else:
        talking = steps.collectives
    return [(event.start_s, event.end_s) for event in talking]
