"""A trace as it lies in a run's folder: events of what ran, on which thread or stream, and when."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.system.files import read_regular

STEP = "step"  # the range of one step

MOST_EVENTS = 60_000  # of a trace: some 20 MB as text, 2 MB in the folder
MOST_BYTES = 1 << 28  # of a trace as text, wherever it comes from

KINDS = {
    "cpu_op": "operator",
    "user_annotation": "range",
    "kernel": "kernel",
    "gpu_memcpy": "kernel",
    "gpu_memset": "kernel",
    "python_function": "python",
    "cpu_instant_event": "memory",
    "cuda_runtime": "runtime",
    "cuda_driver": "runtime",
}
COLLECTIVES = ("gloo:", "nccl:", "mpi:", "ucc:")  # a message under way, whoever waits for it


@dataclass(frozen=True)
class Event:
    """What ran on a `lane`, a thread or a GPU's stream; one of memory takes no time."""

    name: str
    kind: str
    lane: str
    start_s: float
    seconds: float
    args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end_s(self) -> float:
        return self.start_s + self.seconds


def write(path: Path, events: Iterable[Mapping[str, Any]], rank: int) -> None:
    """Write a trace that Perfetto and Chrome open."""
    found = {"schemaVersion": 1, "distributedInfo": {"rank": rank}, "traceEvents": list(events)}
    path.write_bytes(gzip.compress(json.dumps(found).encode(), mtime=0))


def read(path: Path) -> list[Event]:
    """Read a trace; UserError where it is none."""
    data = read_regular(path)
    if data is None:
        raise UserError(f"{path}: expected a trace, there is none")
    try:
        text = zlib.decompressobj(wbits=31).decompress(data, MOST_BYTES)
        return list(events_of(json.loads(text)["traceEvents"]))
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error) as error:
        raise UserError(f"{path}: expected a trace of events, got {error!r:.200}") from error


def events_of(plain: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
    """Yield the events that tell something, from Chrome's trace format."""
    for event in plain:
        kind = _kind(event)
        if kind:
            yield Event(
                str(event["name"]),
                kind,
                f"{event.get('pid')} {event.get('tid')}",
                float(event["ts"]) * 1e-6,
                float(event.get("dur", 0.0)) * 1e-6,
                event.get("args", {}),
            )


def _kind(event: Mapping[str, Any]) -> str:
    kind = KINDS.get(str(event.get("cat")), "")
    if kind in ("operator", "range") and str(event.get("name")).startswith(COLLECTIVES):
        return "collective"
    return kind
