"""Inputs that several of the operators draw alike."""

import torch
from torch import Tensor

from bench import Setting


def normal(generator: torch.Generator, setting: Setting, *shape: int) -> Tensor:
    """Draw standard normal numbers in the setting's dtype, on its device."""
    return torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device)


def expect_positive(problem: object, *names: str) -> None:
    """Raise ValueError where a size counts nothing."""
    for name in names:
        if getattr(problem, name) < 1:
            raise ValueError(f"expected {name} of at least 1, got {getattr(problem, name)}")
