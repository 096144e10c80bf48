"""The steps in a trace: what ran in them, in which phase and part, on which operator's behalf."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.profiling.counts import BACKENDS, HANDS_ON
from bench.profiling.facts import Facts
from bench.profiling.intervals import Interval, Named
from bench.profiling.nesting import Node, nested
from bench.profiling.trace import STEP, Event

ON_HOST = ("operator", "range")
BETWEEN = "between phases"
BACKWARD = "autograd::engine::evaluate_function"


@dataclass(frozen=True)
class Steps:
    """The steps of one rank.

    `nodes` are what threads of the host did in a step, `kernels` what the GPU did, `collectives`
    the messages under way. `windows` are the steps themselves.
    """

    facts: Facts
    windows: list[Interval]
    nodes: list[Node]
    kernels: list[Event]
    collectives: list[Event]
    memory: list[Event]
    _phases: Named
    _parts: Named

    @classmethod
    def of(cls, events: Sequence[Event], facts: Facts) -> Steps:
        """Pick what happened in steps."""
        windows = [(e.start_s, e.end_s) for e in events if e.kind == "range" and e.name == STEP]
        steps = Named((STEP, window) for window in windows)
        within = [event for event in events if steps.at(event.start_s)]
        return cls(
            facts,
            windows,
            nested(event for event in within if event.kind in ON_HOST),
            [event for event in within if event.kind == "kernel"],
            [event for event in within if event.kind == "collective"],
            [event for event in within if event.kind == "memory"],
            _ranges(within, facts.phases),
            _ranges(within, facts.parts),
        )

    @property
    def seconds(self) -> float:
        """Return the seconds of a step, averaged."""
        return sum(end - begin for begin, end in self.windows) / max(len(self.windows), 1)

    def phase(self, node: Node) -> str:
        """Return the phase that an event ran in: as the step names it, else as autograd shows."""
        if self.facts.phases and node.event.name == STEP:
            return BETWEEN
        if self.facts.phases:
            return self._phases.at(node.event.start_s) or BETWEEN
        names = (node, *node.around())
        backward = any(one.event.name.startswith(BACKWARD) for one in names)
        return "backward" if backward else "forward"

    def phase_at(self, moment: float) -> str:
        """Return the named phase of a moment."""
        return self._phases.at(moment)

    def part(self, event: Event) -> str:
        """Return the named part of a step that an event ran in; empty: in none."""
        return "" if event.name == STEP else self._parts.at(event.start_s)

    def counted(self, node: Node) -> Node | None:
        """Return the operator on whose behalf an event ran: the outermost that computes.

        What only calls others, or only looks at memory in another shape, computes nothing.
        """
        chain = [node, *node.around()]
        computing = [one for one in chain if self._computes(one)]
        return computing[-1] if computing else None

    def _computes(self, node: Node) -> bool:
        name = node.event.name
        if node.event.kind != "operator" or "::" not in name or name.startswith("autograd::"):
            return False
        if name in HANDS_ON and _handed_on(node):
            return False
        return name not in self._hollow and not name.startswith("torch::autograd")

    @cached_property
    def _hollow(self) -> Collection[str]:
        return {*self.facts.composite, *self.facts.views}


def _handed_on(node: Node) -> bool:
    """Say whether a backend's own operator computes a convolution, and has its time and counts."""
    names = [child.event.name.partition("::")[2] for child in node.children]
    return any(name in BACKENDS for name in names) or any(map(_handed_on, node.children))


def _ranges(events: Iterable[Event], names: Collection[str]) -> Named:
    return Named((e.name, (e.start_s, e.end_s)) for e in events if e.name in set(names))
