"""Hand a grid to a scheduler of diffusers that steps through `sigmas`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def set_sigmas(scheduler: Any, sigmas: list[float]) -> None:
    """Start a run: reset the state, then replace the levels by the grid's own, in float64.

    `set_timesteps` forgets the last run, and would round the levels to float32, or to the integer
    time steps of a trained table. Steps are counted by index: time steps name nothing here.
    """
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    scheduler.set_begin_index(0)


def twice(values: Sequence[float]) -> list[float]:
    """Repeat every value: a scheduler of two evaluations a step counts evaluations, not steps."""
    return [value for value in values for _ in range(2)]
