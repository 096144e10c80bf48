"""Outputs in memory that a step keeps to itself: rewritten by every call, or handed out again.

A preallocated buffer and a CUDA graph's output are written anew by every call. A result that was
kept is not. A table is the same whatever the inputs are, and its memory is not an output's: nothing
is ever written there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.cases.problem import Incorrect
from bench.cases.tensors import same, tensors_in
from bench.cases.variant import Unsupported
from bench.checking.held import tensors_held
from bench.checking.ownership import (
    aliases,
    memory_of,
    ours_alone,
    poison_part,
    poisoned,
    shared_with,
)
from bench.workers.contest import Contest


class KeptOutputs:
    """What a step holds before its first call, and what of its outputs it keeps to itself."""

    def __init__(self, contest: Contest):
        held = [] if contest.stateful else tensors_held(contest.built)
        self._versions = {memory_of(tensor): _version(tensor) for tensor in held}

    def rewritten(self, contest: Contest, sets: Sequence[Any]) -> list[int]:
        """Return the places of output tensors that the step keeps and every call writes anew.

        Shown by a trial: NaN in their place does no harm to the next calls, which are checked.
        Raises `Incorrect` where a call hands out what it did not write, and `Unsupported` where it
        writes a part of it. A step with a state is held by its first calls instead; ranks may not
        differ in how often they call, so that their outputs are copied and never poisoned.
        """
        if contest.stateful or contest.setting.ranks > 1:
            return []
        candidates = self._candidates(contest, sets)
        return _Trial(contest, sets, candidates).rewritten() if candidates else []

    def _candidates(self, contest: Contest, sets: Sequence[Any]) -> list[int]:
        """Return what is shared, is no input and no table, and depends on the inputs."""
        outputs = _call(contest, sets[0])
        shared = [
            i
            for i, mine in enumerate(ours_alone(outputs, sets))
            if not mine and outputs[i].numel() and not shared_with(outputs[i], sets)
        ]
        shared = [i for i in shared if not self._is_table(outputs[i])]
        copies = {i: outputs[i].clone() for i in shared}
        others = _call(contest, sets[-1]) if shared else []
        return [i for i in shared if len(sets) == 1 or not same(copies[i], others[i])]

    def _is_table(self, output: Tensor) -> bool:
        """Say whether it lies in what the step held from the first, and has never written."""
        before = self._versions.get(memory_of(output))
        return before is not None and before == _version(output)


@dataclass(frozen=True)
class _Trial:
    contest: Contest
    sets: Sequence[Any]
    numbers: list[int]

    def rewritten(self) -> list[int]:
        outputs = _call(self.contest, self.sets[0])
        copies = {i: outputs[i].clone() for i in self.numbers}
        for i in self.numbers:
            poison_part(outputs[i])
        wrong = self._wrong()
        untouched = [i for i in self.numbers if poisoned(outputs[i]) and not poisoned(copies[i])]
        for i in self.numbers if wrong else untouched:
            outputs[i].copy_(copies[i])
        if wrong and untouched:
            raise Incorrect(
                f"output {untouched[0]} is a kept result: a call on equal inputs hands out memory "
                "that it did not write"
            )
        if wrong:
            raise Unsupported(
                f"output shares memory with what the step keeps, and a call does not write all of "
                f"it anew: what a call computes cannot be told ({wrong})"
            )
        return [i for i in self.numbers if i not in untouched]

    def _wrong(self) -> str:
        """Check calls on the same inputs and on others, and say what is wrong with them now."""
        for inputs in (self.sets[0], self.sets[-1]):
            try:
                self.contest.problem.check(self.contest.call, inputs, self.contest.setting)
            except Incorrect as error:
                return str(error)
        return ""


def _call(contest: Contest, inputs: Any) -> list[Tensor]:
    """Run the call once; refer to its outputs, and let go of what it returned."""
    return tensors_in(aliases(contest.call(inputs)))


def _version(tensor: Tensor) -> int:
    """Return how often a tensor's memory was written in place; -1 where nobody counts."""
    return -1 if tensor.is_inference() else tensor._version
