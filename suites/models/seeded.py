"""Build a module whose weights are a function of a seed alone, whatever ran before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def seeded(seed: int, build: Callable[[], Module]) -> Module:
    """Call `build` with torch's CPU generator at `seed`, and put the generator back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
