"""Phases: a step written as a generator that names each part as it ends."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from bench.cases.problem import Call
from bench.timing.sampling import Clock


class Phases:
    """A step that runs all phases of `built`, and remembers a mark of the clock after each."""

    def __init__(self, built: Any):
        self.built = built
        self.start: Callable[[Any], Generator[str, None, Any]] = built.phases
        self.mark: Callable[[], Any] = _no_mark
        self.marks: list[tuple[str, Any, Any]] = []

    def __call__(self, inputs: Any) -> Any:
        running = self.start(inputs)
        begun = self.mark()
        while True:
            try:
                name = next(running)
            except StopIteration as end:
                return end.value
            ended = self.mark()
            self.marks.append((name, begun, ended))
            begun = ended


def _no_mark() -> None:
    return None


class PhasedClock:
    """A clock that also tells the seconds of each phase; otherwise the clock it is given."""

    def __init__(self, clock: Clock, phases: Phases):
        self.clock, self.phases = clock, phases
        self.overhead_s, self.single_calls = clock.overhead_s, clock.single_calls
        self.labels = clock.labels  # the same dict: a clock adds to it while it samples
        phases.mark = clock.mark

    def now(self) -> float:
        return self.clock.now()

    def mark(self) -> Any:
        return self.clock.mark()

    def seconds(self, begun: Any, ended: Any) -> float:
        return self.clock.seconds(begun, ended)

    def first(self, call: Call, inputs: Any) -> tuple[float, tuple[Any, ...]]:
        return self.clock.first(call, inputs)

    def sample(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        self.phases.marks.clear()
        times, outputs = self.clock.sample(call, batch)
        calls = len(batch) * len({name for name, _, _ in self.phases.marks})
        for name, begun, ended in self.phases.marks[-calls:]:  # a clock may take a sample again
            share = self.clock.seconds(begun, ended) / len(batch)
            times[name] = times.get(name, 0.0) + share
        return times, outputs
