"""Peak memory on a CPU: every storage that is alive in a call, whoever holds it.

Storages of torch's allocator are known from its events; others (NumPy's, a mapped file's, shared
memory, those of a thread) from the tensors that show them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from bench.cases.case import Measurement
from bench.checking.storages import Span, covered_bytes, spans_of
from bench.checking.structure.structure import Structure
from bench.state.ledger import Ledger, Moment
from bench.workers.contest import Contest
from bench.workers.roles.operators import judged
from bench.workers.roles.result import Result
from bench.workers.roles.running import phases_of, saved
from bench.workers.roles.witnesses import malloc_contradicts, resident_set_contradicts

CALLS_TO_GROW = 4  # at most
COUNTED_BY = "allocation events, and tensors in other memory"


@dataclass(frozen=True)
class Seen:
    """What is seen at a mark beside the ledger: storages that tensors show, malloc's own count."""

    spans: list[Span]
    held_bytes: int | None


@dataclass(frozen=True)
class Alive:
    """What is alive at a mark; `foreign_bytes` did not come from torch's allocator."""

    moment: Moment
    foreign_bytes: int
    held_bytes: int | None

    @classmethod
    def at(cls, moment: Moment, seen: Seen) -> Alive:
        """Tell the storages apart; one that two tensors or both ways show counts once."""
        own = [(address, block.num_bytes) for address, block in moment.live.items()]
        foreign = covered_bytes([*own, *seen.spans]) - covered_bytes(own)
        return cls(moment, foreign, seen.held_bytes)

    @property
    def contradicted(self) -> str:
        return malloc_contradicts(self.held_bytes, self.moment.large_blocks, self.foreign_bytes)


def peak_on_cpu(contest: Contest, inputs: Any) -> Result:
    """Follow a call from mark to mark; then run another, unfollowed, for the resident set."""
    alive = _alive(contest, inputs)
    operators = [name for one in alive[1:] for name in one.moment.operators]
    grown = _least_growth(contest, inputs, alive)
    result = judged(_counted(contest, alive, grown), contest, operators)
    return replace(result, structure=_allocations(alive))


def followed_peak(contest: Contest, inputs: Any) -> Result:
    """Follow a call, and nothing else: the count is held to malloc's own, not to another call."""
    alive = _alive(contest, inputs)
    if why := next(filter(None, (one.contradicted for one in alive)), ""):
        return Result([], {"memory_not_counted": why})
    return Result([Measurement("peak", "bytes", [float(_peak(alive))])])


def _alive(contest: Contest, inputs: Any) -> list[Alive]:
    ledger = contest.ledger
    assert ledger is not None
    seen = list(_follow(ledger, phases_of(contest, inputs)))
    ledger.close()
    return [Alive.at(moment, each) for moment, each in zip(ledger.moments(), seen, strict=True)]


def _follow(ledger: Ledger, running: Iterator[str]) -> Iterator[Seen]:
    """Look at what is alive before a call, and after each of its phases."""
    gc.collect()
    yield _look(ledger)
    for _ in running:
        yield _look(ledger)


def _look(ledger: Ledger) -> Seen:
    ledger.mark()
    found = [o for o in gc.get_objects() if issubclass(type(o), torch.Tensor)]
    spans = [span for t in found if t.device.type == "cpu" for span in spans_of(t)]
    return Seen(spans, ledger.large_bytes())


def _allocations(alive: Sequence[Alive]) -> Structure:
    """Return how often the call allocated, and how much; buffers within kernels among it."""
    of_call = [one.moment for one in alive[1:]]
    return Structure(
        allocations=sum(moment.allocations for moment in of_call),
        allocated_bytes=sum(moment.allocated_bytes for moment in of_call),
    )


def _counted(contest: Contest, alive: Sequence[Alive], grown: int) -> Result:
    """Return the count, or why there is none."""
    peak = _peak(alive)
    why = next(filter(None, (one.contradicted for one in alive)), "")
    why = why or _contradicted_by(grown, alive)
    resident = Measurement("resident_growth", "bytes", [float(grown)])
    if why:
        return Result([resident], {"memory_not_counted": why})
    left = alive[1].moment.born_since(alive[0].moment)
    found = [Measurement("peak", "bytes", [float(peak)]), resident, *saved(contest, left)]
    return Result(found, {"memory_counted_by": COUNTED_BY})


def _peak(alive: Sequence[Alive]) -> int:
    """Return the most bytes alive in a call; memory not torch's is seen at both ends of a phase."""
    return max(
        after.moment.peak_bytes + max(before.foreign_bytes, after.foreign_bytes)
        for before, after in pairwise(alive)
    )


def _contradicted_by(grown: int, alive: Sequence[Alive]) -> str:
    growth = _peak(alive) - alive[0].moment.live_bytes - alive[0].foreign_bytes
    return resident_set_contradicts(grown, growth, max(len(one.moment.live) for one in alive))


def _least_growth(contest: Contest, inputs: Any, alive: Sequence[Alive]) -> int:
    """Return the resident growth of a call; the least of a few where it contradicts the count.

    A heap may lack a hole of the right size once, and grow by a block that nobody asked for. What
    a call needs beyond its tensors it needs every time.
    """
    grown: list[int] = []
    while not grown or (len(grown) < CALLS_TO_GROW and _contradicted_by(min(grown), alive)):
        contest.restart()
        grown.append(_resident_growth(contest, inputs))
    return min(grown)


def _resident_growth(contest: Contest, inputs: Any) -> int:
    """Return by how many bytes the resident set grows in a call, at most."""
    before = _resident_bytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # restart the high-water mark
    outputs = contest.call(inputs)
    del outputs
    return max(_resident_bytes("VmHWM") - before, 0)


def _resident_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")
