"""Recognise an output in another process: sampled elements, and no element that is not finite."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NUM_SAMPLES = 48
_POSITION_SEED = 20


def fingerprint(output: Tensor) -> list[float]:
    """Return values at positions fixed by the output's size; ValueError where one is not finite."""
    if not output.numel():
        return []
    generator = torch.Generator().manual_seed(_POSITION_SEED)
    positions = torch.randint(output.numel(), (NUM_SAMPLES,), generator=generator)
    if not bool(torch.isfinite(output).all()):
        raise ValueError("an output is not finite everywhere")
    return [float(v) for v in output.detach().reshape(-1)[positions.to(output.device)].double()]


def mismatch(output: Tensor, expected: list[float], tolerance: tuple[float, float]) -> str:
    """Say how an output differs from the one that was checked; empty where it does not.

    Outputs are poisoned with NaN before a timed call, so memory that the call did not write shows.
    """
    if not bool(torch.isfinite(output).all()):
        return "a timed call left elements unwritten or not finite"
    got = fingerprint(output)
    worst = max((abs(a - b) for a, b in zip(got, expected, strict=True)), default=0.0)
    relative = math.dist(got, expected) / (math.hypot(*expected) or 1.0)
    allowed, allowed_relative = tolerance
    if worst <= allowed and relative <= allowed_relative:
        return ""
    return (
        f"a timed call differs from the checked one: maximum {worst:.2e} (allowed {allowed:.2e}), "
        f"relative L2 {relative:.2e} (allowed {allowed_relative:.2e})"
    )
