"""Seed every generator that an author may draw from, and tell whether that is all it takes."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from bench.cases.tensors import same

GENERATORS = "torch, numpy.random or random"


def seed_all(seed: int) -> None:
    """Seed the global generators of torch, NumPy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def generator_states() -> list[Any]:
    """Return the states of the global generators, to be compared with `moved`."""
    legacy = np.random.get_state(legacy=False)
    devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return [torch.get_rng_state(), *devices, legacy, random.getstate()]


def moved(before: list[Any]) -> bool:
    """Say whether anything was drawn from a global generator since."""
    *tensors, legacy, python = before
    *tensors_now, legacy_now, python_now = generator_states()
    drawn = not same(tensors, tensors_now) or python != python_now
    return drawn or repr(legacy) != repr(legacy_now)
