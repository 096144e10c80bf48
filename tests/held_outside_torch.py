"""Weights held in memory that is not torch's: NumPy's, Python's, files', of several processes."""

from __future__ import annotations

import mmap
import tempfile
from typing import Any

import numpy as np
import torch

from tests.held_in_types import OwnParameter
from tests.holding import MIB, NUM, Ways, holds_in, weight

WAYS: Ways = {}
holds = holds_in(WAYS)


@holds(MIB)
def numpy() -> Any:
    return torch.from_numpy(np.ones((512, 512), np.float32))


@holds(MIB)
def parameter_of_numpy() -> Any:
    return OwnParameter(torch.from_numpy(np.ones((512, 512), np.float32)))


@holds(MIB)
def overlapping_numpy() -> Any:
    """Two halves and a bit of one array."""
    whole = np.ones(NUM, np.float32)
    return torch.from_numpy(whole[: NUM // 2 + 5]), torch.from_numpy(whole[NUM // 2 :])


@holds(MIB)
def numpy_of_torch() -> Any:
    made = weight()
    return made, torch.from_numpy(made.numpy())


@holds(4 * 512)
def expanded_numpy() -> Any:
    return torch.from_numpy(np.ones(512, np.float32)).expand(512, 512)


@holds(MIB)
def bytes_of_python() -> Any:
    return torch.frombuffer(bytearray(MIB), dtype=torch.float32)


@holds(MIB)
def anonymous_mapping() -> Any:
    return torch.frombuffer(mmap.mmap(-1, MIB), dtype=torch.float32)


@holds(MIB)
def mapped_file() -> Any:
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(MIB)
        return torch.from_file(file.name, shared=False, size=NUM)


@holds(MIB)
def shared_memory() -> Any:
    return weight().share_memory_()
