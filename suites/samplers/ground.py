"""Ground: the data and the denoiser D(x; sigma) that every sampler is fed with.

A ground is a module in `suites/samplers/grounds/` with a function `ground(data) -> Ground`; its
file's name is its name. `data` is the path of a user's images, or None.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

Denoise = Callable[[Tensor, float], Tensor]
Progress = Callable[[str, float], None]
PACKAGE = "suites.samplers.grounds"


class Ground(ABC):
    """Subclass with a shape, a denoiser, and real samples to compare with.

    `exact`: D is the posterior mean in closed form, so that only the solver errs. `smooth`: its
    probability-flow ODE is smooth enough to show a solver's order of convergence.
    """

    exact: ClassVar[bool] = False
    smooth: ClassVar[bool] = False
    shape: tuple[int, ...]

    @abstractmethod
    def denoiser(self, dtype: torch.dtype, device: torch.device) -> Denoise:
        """Return D(x; sigma) for x = data + sigma noise, (B, *shape), one sigma for the batch."""

    @abstractmethod
    def halves(self, num_images: int, seed: int) -> tuple[Tensor, Tensor]:
        """Return two disjoint sets of real samples, float64: `num_images` each, or half of all."""

    def provision(self, progress: Progress) -> None:
        """Make on disk what the denoiser needs; a closed form needs nothing."""
        progress("ground", 1.0)


def ground_names() -> list[str]:
    """List the grounds there are, in alphabetical order, without importing them."""
    folder = importlib.import_module(PACKAGE).__path__
    return sorted(info.name for info in pkgutil.iter_modules(folder))


def load_ground(name: str, data: str | None = None) -> Ground:
    """Build a ground by name; ValueError where there is none of that name."""
    if name not in ground_names():
        raise ValueError(f"expected ground to be one of {', '.join(ground_names())}, got {name!r}")
    ground: Ground = importlib.import_module(f"{PACKAGE}.{name}").ground(data)
    return ground
