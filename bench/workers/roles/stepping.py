"""Take the steps of a case one at a time, each in a range of its own, its phases in theirs."""

from __future__ import annotations

from contextlib import nullcontext
from time import perf_counter

import torch
import torch.distributed as dist
from torch.profiler import record_function

from bench.profiling.recording.ranges import PhaseRanges, name_parts
from bench.profiling.trace import STEP
from bench.workers.contest import Contest, synchronize


class Stepping:
    """Steps of a contest on inputs that rotate; a stateful one is reset before, untimed."""

    def __init__(self, contest: Contest):
        self.contest = contest
        self.phases: list[str] = []
        self.parts: list[str] = []
        self._inputs = contest.input_sets()
        self._taken = 0
        self._ranges: PhaseRanges | None = None

    def first(self) -> None:
        """Make the very first call."""
        self.contest.reset()
        self._call()

    def learn(self) -> None:
        """Learn the names of phases from a call, and put ranges around the step's parts."""
        contest, phases = self.contest, self.contest.phases
        contest.restart()
        if phases is not None:
            phases.marks.clear()
        self._call()
        if phases is not None:
            self.phases = [name for name, _, _ in phases.marks]
            self._ranges = phases.mark = PhaseRanges(self.phases)
        parts = contest.problem.named_calls(contest.built)
        name_parts(parts)
        self.parts = list(parts)

    def take(self, shown: bool = False) -> float:
        """Take one step, and return its seconds; `shown` puts it into a range that tables read."""
        self.contest.restart()
        if self._ranges is not None:
            self._ranges.begin()
        self._together()
        begun = perf_counter()
        with record_function(STEP) if shown else nullcontext():
            self._call()
        seconds = perf_counter() - begun
        if self.contest.phases is not None:
            self.contest.phases.marks.clear()
        return seconds

    def agreed(self, steps: int) -> int:
        """Return the least of what ranks want: a collective needs all of them."""
        if self.contest.setting.ranks == 1:
            return steps
        wanted = torch.tensor(steps, device=self.contest.setting.device)
        dist.all_reduce(wanted, dist.ReduceOp.MIN)
        return int(wanted)

    def _together(self) -> None:
        synchronize(self.contest.setting)
        if self.contest.setting.ranks > 1:
            dist.barrier()

    def _call(self) -> None:
        inputs = self._inputs[self._taken % len(self._inputs)]
        self._taken += 1
        outputs = self.contest.call(inputs)
        synchronize(self.contest.setting)
        if self._ranges is not None:
            self._ranges.end()
        del outputs
