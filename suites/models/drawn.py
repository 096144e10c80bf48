"""First weights beside a GPU: drawn once an attempt, which takes its check a dozen networks."""

from __future__ import annotations

import copy
from typing import Protocol, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module, covariant=True)


class Drawn(Protocol[Network]):
    """A problem that makes a network on CPU from a seed."""

    def network(self, seed: int) -> Network: ...


_kept: dict[tuple[object, int], nn.Module] = {}  # of the last problem and seed alone


def first_weights(problem: Drawn[Network], seed: int, device: torch.device) -> Network:
    """Return a problem's network of this seed, on CPU, for a case on `device`.

    Drawing GPT-2's weights takes .7 s, copying them a tenth of that. On a CPU a copy that is kept
    would be in the memory that is measured, and networks are small.
    """
    if device.type == "cpu":
        return problem.network(seed)
    found = _kept.get((problem, seed))
    if found is None:
        found = problem.network(seed)
        if not all(type(weight) is nn.Parameter for weight in found.parameters()):
            return found  # what stands in for weights in a trace belongs to that
        _kept.clear()
        _kept[problem, seed] = found
    return copy.deepcopy(found)  # type: ignore[return-value]
