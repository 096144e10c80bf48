"""Which event ran within which: a tree for every thread, and the time that is an event's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bench.profiling.trace import Event

ROUNDING_S = 2e-9  # what times in a trace are rounded to, twice


@dataclass
class Node:
    """An event, the one it ran within, and those within it."""

    event: Event
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def self_s(self) -> float:
        """Return the seconds that no event within it took."""
        within = sum(child.event.seconds for child in self.children)
        return max(self.event.seconds - within, 0.0)

    def around(self) -> Iterator[Node]:
        """Yield what it ran within, from the inside out."""
        outer = self.parent
        while outer is not None:
            yield outer
            outer = outer.parent


def nested(events: Iterable[Event]) -> list[Node]:
    """Return a node for each event, of every lane in order of time."""
    nodes: list[Node] = []
    for event in sorted(events, key=lambda e: (e.lane, e.start_s, -e.seconds)):
        node = Node(event)
        node.parent = _innermost(nodes[-1] if nodes else None, event)
        if node.parent is not None:
            node.parent.children.append(node)
        nodes.append(node)
    return nodes


def _innermost(last: Node | None, event: Event) -> Node | None:
    """Return the innermost of what is still under way in the event's lane."""
    while last is not None:
        same = last.event.lane == event.lane
        if same and event.end_s <= last.event.end_s + ROUNDING_S:
            return last
        last = last.parent
    return None
