"""All of torch's collectives in one launch of ranks: every dtype, odd size and root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from bench import Call, Phases, Problem, Setting, Verdict, variant
from suites.distributed import torch_collectives
from suites.distributed.collectives import Collective, Rooted

DTYPES = (
    torch.float32,
    torch.float64,
    torch.bfloat16,
    torch.float16,
    torch.int64,
    torch.int32,
    torch.uint8,
)
ODD = (1, 7, 1001)  # elements of each rank's part


@dataclass(frozen=True)
class Every(Problem):
    """Asks every collective in turn; the check is all that matters."""

    def make_inputs(self, seed: int, setting: Setting) -> int:
        return seed

    def call(self, step: Any, setting: Setting) -> Call:
        return lambda seed: (torch.tensor(step(seed)),)

    def check(self, call: Call, inputs: int, setting: Setting) -> Verdict:
        for problem, own, asked in asked_of(setting):
            built = own.build(problem, asked, {})
            step = Phases(built) if hasattr(built, "phases") else built
            given = problem.make_inputs(inputs, asked)
            problem.check(problem.call(step, asked), given, asked)
        return Verdict([], [(0.0, 0.0)])


def asked_of(setting: Setting) -> Iterator[tuple[Collective, Any, Setting]]:
    """Yield every collective in every dtype, odd size and root, and each once over sizes."""
    for own in vars(torch_collectives).values():
        if not hasattr(own, "problem_type"):
            continue
        kind = own.problem_type
        roots = range(setting.ranks) if issubclass(kind, Rooted) else [None]
        for dtype in DTYPES:
            for root in roots:
                at = {} if root is None else {"root": root}
                for count in ODD:
                    size = count * dtype.itemsize * (setting.ranks if kind.divides else 1)
                    yield kind(size, **at), own, replace(setting, dtype=dtype)
        yield kind(3 * setting.ranks << 14, 3 * setting.ranks << 8), own, setting


@variant
def all_of_them(problem: Every) -> Any:
    return lambda seed: seed
