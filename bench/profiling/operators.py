"""Tables of a step: each operator's calls, time, FLOPs and bytes; each kernel's; seconds a step."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import pandas as pd

from bench.profiling.classes import COMPILED, OUTSIDE, VIEWS, class_of
from bench.profiling.counts import dtype_of, first_bytes, flops_of, input_bytes
from bench.profiling.nesting import Node
from bench.profiling.steps import Steps
from bench.profiling.trace import Event

LEAST = 5e-4  # of a step: less is seen in no picture
KEYS = ["phase", "part", "class", "operator"]


@dataclass
class Line:
    """What one event adds to its row; `device_s` is what the GPU did on its behalf."""

    phase: str
    part: str
    class_: str
    operator: str
    dtype: str = ""
    calls: float = 0.0
    total_s: float = 0.0
    self_s: float = 0.0
    device_s: float = 0.0
    flops: float = 0.0
    bytes: float = 0.0


def operators(steps: Steps) -> pd.DataFrame:
    """Return a row for each operator by phase and part, averaged over steps, longest first.

    The rows' `self_s` add up to the step's seconds on the threads that took part; what lies between
    operators is a row of its own. `share` is of the step: of what the GPU did, where there is one.
    """
    allocated, on_device = _allocated(steps), device_seconds(steps)
    lines = [line for node in steps.nodes for line in _lines(steps, node, allocated, on_device)]
    lines += _of_nobody(steps)
    frame = pd.DataFrame([asdict(line) for line in lines], columns=list(Line.__annotations__))
    frame = frame.rename(columns={"class_": "class"})
    sums = frame.groupby([*KEYS, "dtype"], as_index=False, sort=False).sum()
    numbers = ["calls", "total_s", "self_s", "device_s", "flops", "bytes"]
    sums[numbers] = sums[numbers] / max(len(steps.windows), 1)
    spent = "device_s" if steps.kernels else "self_s"
    sums["share"] = sums[spent] / sums[spent].sum() if len(sums) else 0.0
    return sums.sort_values(spent, ascending=False, ignore_index=True)


def _lines(
    steps: Steps, node: Node, allocated: dict[int, int], on_device: dict[int, float]
) -> Iterator[Line]:
    """Yield what an event adds to its own row."""
    event, counted = node.event, steps.counted(node)
    place = steps.phase(node), steps.part(event)
    if event.kind == "range":
        name = COMPILED if _is_compiled(node) else OUTSIDE
        yield Line(*place, name, name, self_s=node.self_s)
        return
    line = Line(*place, _class(steps, node, counted), event.name, calls=1.0)
    line.total_s, line.self_s = event.seconds, node.self_s
    line.device_s = on_device.get(id(node), 0.0)
    if counted is node:
        line.dtype, line.flops = dtype_of(event.args), flops_of(event.name, event.args)
        written = first_bytes(event.args) if event.name.endswith("_") else 0
        line.bytes = input_bytes(event.args) + max(written, allocated.get(id(node), 0))
    yield line


def _is_compiled(node: Node) -> bool:
    """Say whether a range is that of compiled code, or lies in one."""
    return any(class_of(one.event.name) == COMPILED for one in (node, *node.around()))


def _class(steps: Steps, node: Node, counted: Node | None) -> str:
    """Return the class of whoever computes; of what computes nothing its own."""
    name = (counted or node).event.name
    return VIEWS if counted is None and name in steps.facts.views else class_of(name)


def _allocated(steps: Steps) -> dict[int, int]:
    """Return the bytes that were allocated within each operator that computes."""
    found: Counter[int] = Counter()
    for node, event in _innermost(steps):
        counted = steps.counted(node)
        if counted is not None:
            found[id(counted)] += max(int(event.args.get("Bytes", 0)), 0)
    return found


def _innermost(steps: Steps) -> Iterator[tuple[Node, Event]]:
    """Yield each allocation with the innermost event that it happened in."""
    by_lane: dict[str, list[Node]] = {}
    for node in steps.nodes:
        by_lane.setdefault(node.event.lane, []).append(node)
    events = sorted(steps.memory, key=lambda event: event.start_s)
    for lane, nodes in by_lane.items():
        place, last = 0, None
        for event in (event for event in events if event.lane == lane):
            while place < len(nodes) and nodes[place].event.start_s <= event.start_s:
                last, place = nodes[place], place + 1
            inner = last
            while inner is not None and inner.event.end_s < event.start_s:
                inner = inner.parent
            if inner is not None:
                yield inner, event


def device_seconds(steps: Steps) -> dict[int, float]:
    """Return the GPU's seconds by the event that launched them."""
    found: defaultdict[int, float] = defaultdict(float)
    for kernel, node in _launched(steps):
        if node is not None:
            found[id(node)] += kernel.seconds
    return found


def _launched(steps: Steps) -> Iterator[tuple[Event, Node | None]]:
    """Yield what the GPU did with the event of the host that launched it, None where none did.

    A graph of kernels is launched at once, by nobody in particular.
    """
    by_id = {node.event.args.get("External id"): node for node in steps.nodes}
    by_id.pop(None, None)
    for kernel in steps.kernels:
        yield kernel, by_id.get(kernel.args.get("External id"))


def _of_nobody(steps: Steps) -> Iterator[Line]:
    """Yield a row's part for each kernel that no operator launched."""
    for kernel, node in _launched(steps):
        if node is None:
            place = steps.phase_at(kernel.start_s), steps.part(kernel)
            yield Line(
                *place, class_of(kernel.name), kernel.name, calls=1.0, device_s=kernel.seconds
            )


def kernels(steps: Steps) -> pd.DataFrame:
    """Return a row for each kernel and copy of the GPU, averaged over steps, longest first."""
    rows = []
    for event, node in _launched(steps):
        counted = steps.counted(node) if node else None
        launched = (counted or node).event.name if node else ""
        phase = steps.phase(node) if node else steps.phase_at(event.start_s)
        rows.append((phase, class_of(launched or event.name), event.name, launched, event.seconds))
    frame = pd.DataFrame(rows, columns=["phase", "class", "kernel", "operator", "total_s"])
    keys = ["phase", "class", "kernel", "operator"]
    sums = frame.groupby(keys, as_index=False, sort=False)["total_s"].agg(["sum", "count"])
    steps_taken = max(len(steps.windows), 1)
    sums = sums.rename(columns={"sum": "total_s", "count": "calls"})
    sums[["total_s", "calls"]] = sums[["total_s", "calls"]] / steps_taken
    sums["share"] = sums["total_s"] / sums["total_s"].sum() if len(sums) else 0.0
    return sums.sort_values("total_s", ascending=False, ignore_index=True)


def breakdown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the seconds of a step by phase, part and class: of the GPU, where it did any."""
    spent = "device_s" if (table["device_s"] > 0).any() else "self_s"
    keys = ["phase", "part", "class"]
    sums = table.groupby(keys, sort=False)[spent].sum().rename("seconds").reset_index()
    return sums[sums["seconds"] > LEAST * sums["seconds"].sum()].reset_index(drop=True)
