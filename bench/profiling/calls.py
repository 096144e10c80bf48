"""The calls of a step one by one: which of an operator's calls took how long."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.profiling.nesting import Node
from bench.profiling.operators import device_seconds
from bench.profiling.steps import Steps

Place = tuple[str, str, str]  # phase, part and operator: the calls of one row

_MOST_SHAPES = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a step; `seconds` are its own, of the GPU where that did any."""

    place: Place
    shapes: str
    seconds: float


def calls(steps: Steps) -> list[Call]:
    """Return the calls of a step in order of time, averaged over steps that made the same ones.

    Empty where a trace has lost events: nothing can be counted in it.
    """
    if steps.facts.dropped:
        return []
    return averaged(_by_step(steps))


def averaged(sequences: Sequence[Sequence[Call]]) -> list[Call]:
    """Average those sequences that are alike, of which there are most; the others are left out."""
    names = [tuple((call.place, call.shapes) for call in own) for own in sequences]
    (usual, number), *_ = Counter(names).most_common(1) or [((), 0)]
    alike = [own for own, name in zip(sequences, names, strict=True) if name == usual]
    seconds = [sum(call.seconds for call in same) / number for same in zip(*alike, strict=True)]
    return [Call(*name, mean) for name, mean in zip(usual, seconds, strict=True)]


def _by_step(steps: Steps) -> list[list[Call]]:
    on_device = device_seconds(steps) if steps.kernels else None
    begins = sorted(begin for begin, _ in steps.windows)
    found: list[list[Call]] = [[] for _ in begins]
    for node in sorted(steps.nodes, key=lambda one: one.event.start_s):
        if node.event.kind == "operator":
            place = bisect_right(begins, node.event.start_s) - 1
            found[place].append(_call(steps, node, on_device))
    return found


def _call(steps: Steps, node: Node, on_device: Mapping[int, float] | None) -> Call:
    seconds = node.self_s if on_device is None else on_device.get(id(node), 0.0)
    event = node.event
    place = steps.phase(node), steps.part(event), sys.intern(event.name)
    return Call(place, sys.intern(shapes_of(event.args)), seconds)


def shapes_of(args: Mapping[str, Any]) -> str:
    """Write the shapes of the first tensors among an operator's inputs, as `8×16 16×4`."""
    found = args.get("Input Dims")
    tensors = [shape for shape in found if _is_shape(shape)] if isinstance(found, list) else []
    told = " ".join("×".join(map(str, shape)) for shape in tensors[:_MOST_SHAPES])
    return f"{told} …" if len(tensors) > _MOST_SHAPES else told


def _is_shape(found: Any) -> bool:
    """Say whether it is that of a tensor; what is no tensor has an empty one."""
    return isinstance(found, list) and bool(found) and all(isinstance(n, int) for n in found)
