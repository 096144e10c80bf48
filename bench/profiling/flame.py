"""A flame graph of the host: frames of Python and operators, as speedscope reads them.

The format: https://www.speedscope.app/file-format-schema.json (evented profiles).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.profiling.nesting import Node, nested
from bench.profiling.trace import STEP, Event

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
MOST_FRAMES = 20_000
KINDS = ("python", "operator", "range")


def stacks(events: Iterable[Event]) -> list[Node]:
    """Return the frames within steps, as trees by their roots; what lies around is the tool's."""
    nodes = nested(event for event in events if event.kind in KINDS)
    return [n for n in nodes if n.event.kind == "range" and n.event.name == STEP]


def speedscope(events: Iterable[Event], name: str, most: int = MOST_FRAMES) -> dict[str, Any]:
    """Return the file's content; beyond so many frames the shortest are left out."""
    roots = stacks(events)
    shortest = _shortest(roots, most)
    frames: dict[str, int] = {}
    changes: list[dict[str, Any]] = []
    for root in roots:
        _walk(root, shortest, frames, changes)
    begin = roots[0].event.start_s if roots else 0.0
    for change in changes:
        change["at"] = round((change["at"] - begin) * 1e6, 3)
    return {
        "$schema": SCHEMA,
        "name": name,
        "exporter": "touchstone",
        "shared": {"frames": [{"name": frame} for frame in frames]},
        "profiles": [
            {
                "type": "evented",
                "name": name,
                "unit": "microseconds",
                "startValue": 0,
                "endValue": changes[-1]["at"] if changes else 0,
                "events": changes,
            }
        ],
    }


def _shortest(roots: list[Node], most: int) -> float:
    """Return the least seconds of a frame that is kept."""
    lengths = sorted((node.event.seconds for root in roots for node in _all(root)), reverse=True)
    return lengths[most] if len(lengths) > most else -1.0


def _all(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children)


def _walk(
    root: Node, shortest: float, frames: dict[str, int], changes: list[dict[str, Any]]
) -> None:
    """Write the begin and end of every frame; none ends after the one around it."""
    waiting: list[tuple[Node, float, bool]] = [(root, root.event.end_s, False)]
    reached = root.event.start_s
    while waiting:
        node, end_s, over = waiting.pop()
        number = frames.setdefault(node.event.name, len(frames))
        reached = max(reached, min(node.event.start_s, end_s)) if not over else max(reached, end_s)
        changes.append({"type": "C" if over else "O", "frame": number, "at": reached})
        if over:
            continue
        waiting.append((node, end_s, True))
        kept = [child for child in node.children if child.event.seconds > shortest]
        waiting.extend((c, min(c.event.end_s, end_s), False) for c in reversed(kept))


@dataclass(frozen=True)
class Frame:
    """One box of a flame graph: frames of the same stack, all steps together, as shares of all."""

    name: str
    depth: int
    left: float
    right: float


def boxes(profile: dict[str, Any], least: float = 0.004) -> list[Frame]:
    """Join equal stacks of a speedscope file, leaving out boxes narrower than `least`."""
    names = [frame["name"] for frame in profile["shared"]["frames"]]
    root: dict[str, Any] = {"seconds": 0.0, "below": {}}
    for own in profile["profiles"]:
        _add(root, own["events"], names)
    total = sum(child["seconds"] for child in root["below"].values())
    return list(_laid(root, 0, 0.0, total, least)) if total else []


def _add(root: dict[str, Any], changes: Iterable[dict[str, Any]], names: list[str]) -> None:
    stack, since = [root], [0.0]
    for change in changes:
        if change["type"] == "O":
            fresh = {"seconds": 0.0, "below": {}}
            stack.append(stack[-1]["below"].setdefault(names[change["frame"]], fresh))
            since.append(change["at"])
        else:
            stack.pop()["seconds"] += change["at"] - since.pop()


def _laid(
    node: dict[str, Any], depth: int, left: float, total: float, least: float
) -> Iterator[Frame]:
    for name, child in sorted(node["below"].items(), key=lambda one: -one[1]["seconds"]):
        width = child["seconds"] / total
        if width >= least:
            yield Frame(name, depth, left, left + width)
            yield from _laid(child, depth + 1, left, total, least)
        left += width
